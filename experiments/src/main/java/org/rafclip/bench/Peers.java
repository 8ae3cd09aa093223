package org.rafclip.bench;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.rafclip.ops.Parallel;
import org.rafclip.run.ConfigException;

/** Finds what the Maven profile {@code peer} adds. */
final class Peers {

    private Peers() {}

    /**
     * A peer all of whose calls are made in a thread of its own. PyTorch gives every thread that calls it several of OpenMP's, which
     * our oneDNN would then compute with as well: in our threads it has one.
     *
     * @throws ConfigException if it is not on the class path
     */
    static <T> T pytorch(String name, Class<T> type) {
        ExecutorService thread = Executors.newSingleThreadExecutor(work -> {
            Thread own = new Thread(work, "PyTorch");
            own.setDaemon(true);
            return own;
        });
        Object peer = in(thread, () -> {
            try {
                return Class.forName(name)
                        .getConstructor(int.class)
                        .newInstance(Parallel.standard().threads());
            } catch (ClassNotFoundException e) {
                throw new ConfigException(
                        "--peer: PyTorch is not on the class path; start through ./rafclip, which builds"
                                + " with the Maven profile peer");
            }
        });
        return type.cast(Proxy.newProxyInstance(
                type.getClassLoader(),
                new Class<?>[] {type},
                (proxy, method, arguments) -> in(thread, () -> method.invoke(peer, arguments))));
    }

    private static Object in(ExecutorService thread, Callable<Object> work) {
        try {
            return thread.submit(work).get();
        } catch (ExecutionException e) {
            Throwable cause =
                    e.getCause() instanceof InvocationTargetException called ? called.getCause() : e.getCause();
            if (cause instanceof RuntimeException known) {
                throw known;
            }
            throw new IllegalStateException("PyTorch failed", cause);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted", e);
        }
    }
}
