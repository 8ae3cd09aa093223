package org.rafclip.bench;

import org.rafclip.ops.Parallel;
import org.rafclip.run.ConfigException;

/** Finds what the Maven profile {@code peer} adds. */
final class Peers {

    private Peers() {}

    /** @throws ConfigException if it is not on the class path */
    static <T> T pytorch(String name, Class<T> type) {
        try {
            return type.cast(Class.forName(name)
                    .getConstructor(int.class)
                    .newInstance(Parallel.standard().threads()));
        } catch (ClassNotFoundException e) {
            throw new ConfigException("--peer: PyTorch is not on the class path; start through ./rafclip, which builds"
                    + " with the Maven profile peer");
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException("PyTorch could not be started", e);
        }
    }
}
