/**
 * The NBD server: every export has a Unix socket of its own, and the protocol is fixed newstyle as
 * the NetworkBlockDevice project's {@code doc/proto.md} describes it.
 *
 * <p>The protocol and its transport are apart. {@link io.bailey.nbd.Handshake}, {@link
 * io.bailey.nbd.RequestRules} and {@link io.bailey.nbd.Wire} know bytes and no sockets; {@link
 * io.bailey.nbd.Connection}, {@link io.bailey.nbd.Session} and {@link io.bailey.nbd.Outbox} move
 * the bytes.
 *
 * <h2>The way of a request</h2>
 *
 * A connection has one reading thread. It takes what the socket has, answers on the spot what the
 * device can answer from memory, and sends the answers of one burst with one write. What has to
 * wait (a read from disk, a flush, a write with no room) goes on a virtual thread of its own and is
 * answered when it is done, in any order. Before the reading thread sleeps it looks a while for
 * more ({@link io.bailey.nbd.PolledChannel}).
 *
 * <h2>Limits</h2>
 *
 * <ul>
 *   <li>The bytes of requests that wait and of replies that the client has not taken are at most
 *       about {@link io.bailey.nbd.RequestMemory#TOTAL_BYTES} a server, of which a connection gets
 *       a share, and one request in any case; at the limit no more requests are read. Longer reads
 *       and writes go piece by piece.
 *   <li>A client that does not read its replies blocks nobody else: the only threads it can hold
 *       are its connection's own. If that is the reading thread, {@link io.bailey.nbd.NbdServer}'s
 *       watch gives the reading to another one.
 *   <li>An export serves {@link io.bailey.nbd.NbdExport#MAX_SERVED} clients at a time, and has
 *       {@link io.bailey.nbd.NbdExport#MAX_CONNECTIONS} connections with those in their handshake.
 *   <li>A handshake may take {@link io.bailey.nbd.Connection#HANDSHAKE_SECONDS} and {@link
 *       io.bailey.nbd.Handshake#MAX_OPTIONS} options. All are in the hands of {@link
 *       io.bailey.nbd.HandshakeLoop}.
 * </ul>
 */
@NullMarked
package io.bailey.nbd;

import org.jspecify.annotations.NullMarked;
