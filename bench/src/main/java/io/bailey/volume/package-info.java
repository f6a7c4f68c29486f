/** What the benchmarks need of the engine's volumes that isn't public. */
@org.jspecify.annotations.NullMarked
package io.bailey.volume;
