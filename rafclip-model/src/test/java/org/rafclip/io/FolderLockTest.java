package org.rafclip.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.rafclip.data.DataException;

class FolderLockTest {

    private static final int FREE = 7;

    @TempDir
    private Path dir;

    /** Ends with {@link #FREE} where nobody holds a file. */
    static final class Other {
        public static void main(String[] arguments) throws IOException {
            try (FileChannel channel = FileChannel.open(Path.of(arguments[0]), StandardOpenOption.WRITE)) {
                System.exit(channel.tryLock() == null ? 0 : FREE);
            }
        }
    }

    @Test
    void aSecondStartInTheSameProcessIsRefusedAndGivesNothingAway() throws Exception {
        Path file = dir.resolve(".lock");
        try (FolderLock first = FolderLock.take(file, "trains in " + dir)) {
            assertThat(first).isNotNull();
            assertThatThrownBy(() -> FolderLock.take(dir.resolve("../" + dir.getFileName() + "/.lock"), "trains here"))
                    .isInstanceOf(DataException.class)
                    .hasMessageContaining("another process trains here");
            assertThat(another(file)).as("another process").isZero();
        }
        assertThat(another(file)).isEqualTo(FREE);
        FolderLock.take(file, "trains in " + dir).close();
    }

    private static int another(Path file) throws Exception {
        return new ProcessBuilder(
                        ProcessHandle.current().info().command().orElseThrow(),
                        "-cp",
                        System.getProperty("java.class.path"),
                        Other.class.getName(),
                        file.toString())
                .inheritIO()
                .start()
                .waitFor();
    }
}
