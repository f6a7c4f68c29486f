/** The dubtree: sorted runs, B+-trees and levels. */
@NullMarked
package io.bailey.dubtree;

import org.jspecify.annotations.NullMarked;
