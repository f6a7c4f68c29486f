/** Benchmarks of the engine's cryptography. */
@org.jspecify.annotations.NullMarked
package io.bailey.crypto;
