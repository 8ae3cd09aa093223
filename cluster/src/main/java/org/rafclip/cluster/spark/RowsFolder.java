package org.rafclip.cluster.spark;

import java.io.ByteArrayInputStream;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.FolderLock;
import org.rafclip.search.PhotoCluster;

/** The folder that rows go to, in the machines' shared folders or on a file system of Hadoop's. */
sealed interface RowsFolder {

    String LOCK = "_lock";

    /** @param place a path, or an address */
    static RowsFolder of(String place) {
        return PhotoCluster.isAddress(place) ? new Remote(place, HadoopFiles.open()) : new Shared(Path.of(place));
    }

    /** Makes the folder where it is not there, and keeps it for this process. */
    Closeable take() throws IOException;

    /** Of files and folders in it, without the lock. */
    List<String> names() throws IOException;

    InputStream read(String name) throws IOException;

    /** A file that grows while it is written to. */
    OutputStream create(String name) throws IOException;

    /** Whole or absent. */
    void write(String name, String text) throws IOException;

    void delete(String name) throws IOException;

    /** As Spark reads it. */
    String address(String name);

    /** In the machines' shared folders. */
    record Shared(Path folder) implements RowsFolder {

        @Override
        public Closeable take() throws IOException {
            Files.createDirectories(folder);
            return FolderLock.take(folder.resolve(LOCK), "fills " + folder);
        }

        @Override
        public List<String> names() throws IOException {
            List<String> names = new ArrayList<>();
            try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, one -> !one.endsWith(LOCK))) {
                files.forEach(one -> names.add(one.getFileName().toString()));
            }
            return names;
        }

        @Override
        public InputStream read(String name) throws IOException {
            return Files.newInputStream(folder.resolve(name));
        }

        @Override
        public OutputStream create(String name) throws IOException {
            Path file = folder.resolve(name);
            try {
                Files.createDirectories(file.getParent());
                return Files.newOutputStream(file);
            } catch (IOException e) {
                throw AtomicFiles.naming(file, e);
            }
        }

        @Override
        public void write(String name, String text) throws IOException {
            AtomicFiles.writeString(folder.resolve(name), text);
        }

        @Override
        public void delete(String name) throws IOException {
            AtomicFiles.deleteDirectory(folder.resolve(name));
        }

        /** As Hadoop reads addresses, which decodes nothing. */
        @Override
        public String address(String name) {
            return "file://" + SparkProcess.absolute(folder.resolve(name));
        }
    }

    /** On a file system of Hadoop's. */
    record Remote(String folder, HadoopFiles files) implements RowsFolder {

        @Override
        public Closeable take() {
            files.make(folder);
            return files.hold(address(LOCK))
                    .orElseThrow(() -> new DataException(
                            "another process fills " + folder + "; wait for its end, or stop it first"));
        }

        @Override
        public List<String> names() {
            return files.names(folder).orElse(List.of()).stream()
                    .filter(name -> !name.equals(LOCK))
                    .toList();
        }

        @Override
        public InputStream read(String name) {
            return files.read(address(name));
        }

        @Override
        public OutputStream create(String name) {
            return files.create(address(name));
        }

        @Override
        public void write(String name, String text) {
            files.write(address(name), new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
        }

        @Override
        public void delete(String name) {
            files.delete(address(name));
        }

        @Override
        public String address(String name) {
            return name.isEmpty() ? folder : folder + (folder.endsWith("/") ? "" : "/") + name;
        }
    }
}
