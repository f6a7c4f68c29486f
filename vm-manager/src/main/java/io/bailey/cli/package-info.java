/**
 * The {@code bailey} command: one class a subcommand, a light HTTP client for the daemon's control
 * socket, and the live views.
 *
 * <p>Commands that ask a daemon start in a quarter of a second, so they load neither Vert.x nor
 * Netty nor a logger. What runs one or opens a store itself loads more: {@link
 * io.bailey.cli.DaemonCommand}, {@link io.bailey.cli.DemoCommand}, {@link
 * io.bailey.cli.RekeyCommand}, and {@link io.bailey.cli.CheckCommand} with {@code --store}.
 */
@NullMarked
package io.bailey.cli;

import org.jspecify.annotations.NullMarked;
