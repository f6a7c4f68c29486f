/** Benchmarks of the engine's runs. */
@org.jspecify.annotations.NullMarked
package io.bailey.dubtree;
