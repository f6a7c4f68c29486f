/** What the benchmarks need of the daemon that isn't public. */
@org.jspecify.annotations.NullMarked
package io.bailey.daemon;
