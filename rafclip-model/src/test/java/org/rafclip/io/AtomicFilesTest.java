package org.rafclip.io;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
    @TempDir
    Path folder;

    @Test
    void aFileIsCreatedAndReplaced() throws IOException {
        Path file = folder.resolve("state.json");
        AtomicFiles.writeString(file, "first");
        AtomicFiles.writeString(file, "größer");
        assertThat(file).hasContent("größer");
        assertThat(folder).isDirectoryContaining(file::equals);
        assertThat(Files.list(folder)).hasSize(1);
    }

    @Test
    @DisabledOnOs(OS.WINDOWS)
    void aLinkStaysAndWhatItLeadsToIsWritten() throws IOException {
        Path file = Files.writeString(folder.resolve("real.html"), "old");
        Path link = Files.createSymbolicLink(folder.resolve("link.html"), file);
        AtomicFiles.writeString(link, "new");
        assertThat(link).isSymbolicLink();
        assertThat(file).hasContent("new");

        Path device = Files.createSymbolicLink(folder.resolve("nothing"), Path.of("/dev/null"));
        AtomicFiles.writeString(device, "into nothing");
        assertThat(device).isSymbolicLink();
        assertThat(Files.isRegularFile(device)).isFalse();
    }

    @Test
    void aFailedWriteLeavesTheOldFileAndNothingElse() throws IOException {
        Path file = folder.resolve("state.json");
        AtomicFiles.writeString(file, "old");
        assertThatThrownBy(() -> AtomicFiles.write(file, channel -> {
                    channel.write(ByteBuffer.wrap("half".getBytes(StandardCharsets.UTF_8)));
                    throw new IOException("disk full");
                }))
                .isInstanceOf(FileSystemException.class)
                .hasMessage(file + ": disk full");
        assertThat(file).hasContent("old");
        assertThat(Files.list(folder)).containsExactly(file);
    }

    @Test
    void aFailureInsideADirectoryNamesTheFileItWasToBe() {
        Path target = folder.resolve("step-100");
        assertThatThrownBy(() -> AtomicFiles.writeDirectory(
                        target,
                        directory -> AtomicFiles.write(directory.resolve("weights"), channel -> {
                            throw new IOException("No space left on device");
                        })))
                .isInstanceOf(FileSystemException.class)
                .hasMessage(target.resolve("weights") + ": No space left on device");
        assertThat(folder).isEmptyDirectory();
    }

    @Test
    void aDirectoryAppearsOnlyWhenItsContentIsComplete() throws IOException {
        Path target = folder.resolve("step-100");
        AtomicFiles.writeDirectory(target, directory -> {
            assertThat(target).doesNotExist();
            Files.createDirectory(directory.resolve("inner"));
            Files.writeString(directory.resolve("inner").resolve("a"), "a");
            Files.writeString(directory.resolve("b"), "b");
        });
        assertThat(target.resolve("inner").resolve("a")).hasContent("a");
        assertThat(target.resolve("b")).hasContent("b");
        assertThat(Files.list(folder)).containsExactly(target);
    }

    @Test
    void aDirectoryIsNeverReplacedNorLeftHalf() throws IOException {
        Path target = Files.createDirectory(folder.resolve("step-100"));
        assertThatThrownBy(() -> AtomicFiles.writeDirectory(target, directory -> {}))
                .isInstanceOf(FileAlreadyExistsException.class)
                .hasMessageContaining("step-100");
        assertThatThrownBy(() -> AtomicFiles.writeDirectory(folder.resolve("step-200"), directory -> {
                    Files.writeString(directory.resolve("a"), "a");
                    throw new IllegalStateException("stop");
                }))
                .hasMessage("stop");
        assertThat(Files.list(folder)).containsExactly(target);
    }

    @Test
    void theTargetsFolderHasToExist() {
        assertThatThrownBy(
                        () -> AtomicFiles.writeString(folder.resolve("absent").resolve("a"), "a"))
                .isInstanceOf(NoSuchFileException.class)
                .hasMessageContaining("absent");
    }

    @Test
    void directoriesAreDeletedWithTheirContentAndLinksAreNotFollowed() throws IOException {
        Path kept = Files.writeString(folder.resolve("kept"), "kept");
        Path target = Files.createDirectories(folder.resolve("step-100").resolve("inner"));
        Files.createSymbolicLink(target.resolve("link"), kept);
        AtomicFiles.deleteDirectory(folder.resolve("step-100"));
        AtomicFiles.deleteDirectory(folder.resolve("never-there"));
        assertThat(Files.list(folder)).containsExactly(kept);
        assertThatThrownBy(() -> AtomicFiles.deleteDirectory(kept)).hasMessageContaining("is a file");
    }

    @Test
    void onlyLeftoversOfInterruptedWritesAreRemoved() throws IOException {
        Path file = Files.writeString(folder.resolve("notes.tmp"), "mine");
        Path hidden = Files.writeString(folder.resolve(".hidden"), "mine");
        Path leftoverFile = Files.writeString(folder.resolve(".model.safetensors.4711-0.tmp"), "half");
        Path leftoverDirectory = Files.createDirectory(folder.resolve(".step-300.4711-1.tmp"));
        Files.writeString(leftoverDirectory.resolve("model.safetensors"), "half");
        assertThat(AtomicFiles.deleteLeftovers(folder)).containsExactly(leftoverFile, leftoverDirectory);
        assertThat(Files.list(folder)).containsExactlyInAnyOrder(file, hidden);
    }

    /** A Linux process number has seven digits at most. */
    @Test
    void aDirectoryIsWrittenInPlaceOfWhatAKilledWriteLeftOfIt() throws IOException {
        Path left = Files.createDirectory(folder.resolve(".exported.99999999-0.tmp"));
        Files.writeString(left.resolve("model.safetensors"), "half");
        Path others = Files.createDirectory(folder.resolve(".other.99999999-0.tmp"));
        Path living = Files.createDirectory(
                folder.resolve(".exported." + ProcessHandle.current().pid() + "-7.tmp"));
        AtomicFiles.writeDirectory(
                folder.resolve("exported"), directory -> Files.writeString(directory.resolve("a"), "whole"));
        try (Stream<Path> entries = Files.list(folder)) {
            assertThat(entries).containsExactlyInAnyOrder(folder.resolve("exported"), others, living);
        }
    }

    @Test
    void hashesAreThePublishedOnes() throws IOException {
        // FIPS 180-2, appendix B.1
        String abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assertThat(Sha256.of("abc")).isEqualTo(abc);
        assertThat(Sha256.of(Files.writeString(folder.resolve("abc"), "abc"))).isEqualTo(abc);
        assertThat(Sha256.of(new byte[0]))
                .isEqualTo("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }
}
