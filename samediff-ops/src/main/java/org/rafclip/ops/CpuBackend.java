package org.rafclip.ops;

import java.util.List;
import java.util.ServiceLoader;
import java.util.function.Supplier;
import org.nd4j.linalg.factory.Nd4j;
import org.nd4j.linalg.factory.Nd4jBackend;

/**
 * Lets no backend of ND4J through but the CPU's. An array of the CUDA backend is a copy in the host's memory beside one on
 * the device. Our operations write the first, which ND4J does not learn of: its own operations behind ours would read what
 * is out of date, and no error would say so.
 */
final class CpuBackend {

    private static final String NAME = "org.nd4j.linalg.cpu.nativecpu.CpuBackend";

    private CpuBackend() {}

    /**
     * Loads ND4J.
     *
     * @throws UnsupportedBackendException if it computes elsewhere, or has only backends that cannot compute here
     */
    static void require() {
        require(
                () -> Nd4j.getBackend().getClass(),
                () -> ServiceLoader.load(Nd4jBackend.class).stream()
                        .map(provider -> provider.type().getName())
                        .toList());
    }

    /**
     * @param chosen the class of the backend that ND4J takes
     * @param offered the names of those on the class path
     */
    static void require(Supplier<Class<?>> chosen, Supplier<List<String>> offered) {
        Class<?> backend;
        try {
            backend = chosen.get();
        } catch (LinkageError e) {
            List<String> names = offered.get();
            if (names.contains(NAME)) {
                throw e;
            }
            throw new UnsupportedBackendException(
                    names.isEmpty()
                            ? "ND4J has no backend on the class path: add org.nd4j:nd4j-native, and its classifier of this"
                                    + " system."
                            : "ND4J's backend " + String.join(", ", names)
                                    + " cannot start: there is no NVIDIA GPU here, or no driver for it. Build without"
                                    + " -Pcuda: this program computes on the CPU alone.",
                    e);
        }
        if (!backend.getName().equals(NAME)) {
            throw new UnsupportedBackendException(
                    "ND4J's backend is " + backend.getName() + ", but this program's operations compute in the CPU's"
                            + " memory, and what they write would not reach that backend. Build without -Pcuda, or leave"
                            + " only org.nd4j:nd4j-native on the class path.",
                    null);
        }
    }
}
