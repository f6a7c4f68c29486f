/** Images and volumes: what a store holds, and how a volume turns writes into runs. */
@NullMarked
package io.bailey.volume;

import org.jspecify.annotations.NullMarked;
