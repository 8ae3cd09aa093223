package org.rafclip.ops;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class CpuBackendTest {

    /** Called as ND4J's for CUDA is. */
    private static final class JCublasBackend {}

    private static final String CUDA = "org.nd4j.linalg.jcublas.JCublasBackend";

    @Test
    void theCpusBackendIsTheOneOfThisBuild() {
        assertThatCode(CpuBackend::require).doesNotThrowAnyException();
    }

    @Test
    void aBackendOfAnotherDeviceIsRefusedInOneSentence() {
        assertThatThrownBy(() -> CpuBackend.require(() -> JCublasBackend.class, List::of))
                .isInstanceOf(UnsupportedBackendException.class)
                .hasMessageContainingAll("JCublasBackend", "CPU's memory", "-Pcuda", "nd4j-native")
                .hasMessageNotContaining("\n");
    }

    @Test
    void withoutAGpuItsBackendSaysSo() {
        LinkageError failed =
                new ExceptionInInitializerError(new RuntimeException("No CUDA devices were found in system"));

        assertThatThrownBy(() -> CpuBackend.require(
                        () -> {
                            throw failed;
                        },
                        () -> List.of(CUDA)))
                .isInstanceOf(UnsupportedBackendException.class)
                .hasMessageContainingAll(CUDA, "no NVIDIA GPU", "without -Pcuda")
                .hasCause(failed);
    }

    @Test
    void withoutAnyBackendTheOneToAddIsNamed() {
        assertThatThrownBy(() -> CpuBackend.require(
                        () -> {
                            throw new NoClassDefFoundError("Nd4j");
                        },
                        List::of))
                .isInstanceOf(UnsupportedBackendException.class)
                .hasMessageContaining("org.nd4j:nd4j-native");
    }

    @Test
    void whatKeepsTheCpusBackendFromStartingIsNotHidden() {
        LinkageError failed = new UnsatisfiedLinkError("no nd4jcpu in java.library.path");

        assertThatThrownBy(() -> CpuBackend.require(
                        () -> {
                            throw failed;
                        },
                        () -> List.of("org.nd4j.linalg.cpu.nativecpu.CpuBackend", CUDA)))
                .isSameAs(failed);
    }
}
