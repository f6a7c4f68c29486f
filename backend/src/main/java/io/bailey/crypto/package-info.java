/** Keys and sealing. */
@NullMarked
package io.bailey.crypto;

import org.jspecify.annotations.NullMarked;
