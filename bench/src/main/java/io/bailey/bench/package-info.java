/** Benchmarks and their reports. */
@NullMarked
package io.bailey.bench;

import org.jspecify.annotations.NullMarked;
