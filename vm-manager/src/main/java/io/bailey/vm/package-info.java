/** QEMU processes: machine profiles, QMP, supervision, guest images. */
@NullMarked
package io.bailey.vm;

import org.jspecify.annotations.NullMarked;
