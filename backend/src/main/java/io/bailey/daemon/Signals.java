package io.bailey.daemon;

import java.lang.System.Logger.Level;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import org.jspecify.annotations.Nullable;

/**
 * Hears TERM, INT and HUP, but not one that the process was started to ignore, as {@code nohup} has
 * it for HUP: the JVM leaves that alone.
 *
 * <p>Design note: a shutdown hook can't tell a second signal, and it makes the exit code the
 * signal's. The class that can, {@code sun.misc.Signal}, is in a supported module but warns at
 * compile time in a way that can't be switched off for one line, hence the reflection.
 */
final class Signals {
  private Signals() {}

  /** Calls {@code listener}, on a thread of the JVM's, at each of them from now on. */
  static void onStop(Runnable listener) {
    try {
      Class<?> signal = Class.forName("sun.misc.Signal");
      Class<?> handler = Class.forName("sun.misc.SignalHandler");
      InvocationHandler calls =
          (self, method, arguments) -> call(listener, self, method, arguments);
      Object proxy =
          Proxy.newProxyInstance(handler.getClassLoader(), new Class<?>[] {handler}, calls);
      for (String name : new String[] {"TERM", "INT", "HUP"}) {
        Object instance = signal.getConstructor(String.class).newInstance(name);
        signal.getMethod("handle", signal, handler).invoke(null, instance, proxy);
      }
    } catch (ReflectiveOperationException e) {
      System.getLogger(Signals.class.getName())
          .log(Level.WARNING, "this JVM can't handle signals; stopping will not be clean", e);
    }
  }

  // The identity of a proxy is its equality: it stands for one listener.
  @SuppressWarnings("ReferenceEquality")
  private static @Nullable Object call(
      Runnable listener, Object self, Method method, Object @Nullable [] arguments) {
    return switch (method.getName()) {
      case "handle" -> {
        listener.run();
        yield null;
      }
      case "equals" -> arguments != null && self == arguments[0];
      case "hashCode" -> System.identityHashCode(self);
      default -> "bailey's stop signal handler";
    };
  }
}
