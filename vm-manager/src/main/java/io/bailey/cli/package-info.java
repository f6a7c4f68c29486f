/**
 * The {@code bailey} command: one class a subcommand, a light HTTP client for the daemon's control
 * socket, and the live views.
 *
 * <p>Client commands start in a quarter of a second, so they load neither Vert.x nor Netty nor a
 * logger; only {@link io.bailey.cli.DaemonCommand} and {@link io.bailey.cli.DemoCommand} do.
 */
@NullMarked
package io.bailey.cli;

import org.jspecify.annotations.NullMarked;
