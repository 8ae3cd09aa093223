package org.rafclip.data.fashioniq;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.rafclip.data.DataException;
import org.rafclip.data.image.ImageReader;

/**
 * Image files named after the image's id, with any usual extension, as they were when this was made. They lie in one folder,
 * or in a folder a category below it. Safe for several threads.
 */
public final class ImagesById {

    private static final List<String> EXTENSIONS = List.of(
            "", ".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".PNG", ".WEBP", ".gif", ".bmp", ".GIF", ".BMP");

    private final Path folder;
    private final Map<String, String> entries = new HashMap<>();
    private final ImageReader reader = new ImageReader();
    private final Map<String, Optional<String>> problems = new ConcurrentHashMap<>();

    /**
     * @param folder in which the images lie; need not exist
     * @throws DataException if it cannot be listed
     */
    public ImagesById(Path folder) {
        this.folder = folder;
        if (Files.isDirectory(folder)) {
            List<Path> below = list("", folder);
            below.stream().sorted().forEach(inside -> list(inside.getFileName() + "/", inside));
        }
    }

    /** Takes a folder's files by name, the first of a name, and gives its folders. */
    private List<Path> list(String prefix, Path dir) {
        try (Stream<Path> all = Files.list(dir)) {
            List<Path> folders = new ArrayList<>();
            all.forEach(path -> {
                if (Files.isDirectory(path)) {
                    folders.add(path);
                } else {
                    String name = path.getFileName().toString();
                    entries.putIfAbsent(name, prefix + name);
                }
            });
            return folders;
        } catch (IOException e) {
            throw new DataException(dir + ": cannot be read (" + e.getMessage() + ")", e);
        }
    }

    public Path folder() {
        return folder;
    }

    /**
     * The path, relative to the folder, of an id's file, to be given to {@link org.rafclip.data.image.ImageReader#read(
     * Path, String)}: the id itself where it is a file's name already, else the first of jpg, jpeg, png, webp, gif, bmp
     * that is there, in small or capital letters. An id may lead into a folder below. Empty where there is no file or
     * the id leads out of the folder.
     */
    public Optional<String> entry(String id) {
        return EXTENSIONS.stream()
                .map(extension -> place(id + extension))
                .flatMap(Optional::stream)
                .findFirst();
    }

    private Optional<String> place(String name) {
        if (!name.contains("/") && !name.contains("\\")) {
            return Optional.ofNullable(entries.get(name));
        }
        try {
            Path file = folder.resolve(name);
            return file.normalize().startsWith(folder.normalize()) && Files.isRegularFile(file)
                    ? Optional.of(name)
                    : Optional.empty();
        } catch (InvalidPathException e) {
            return Optional.empty();
        }
    }

    /** Why an id's file is no image that can be read, such as an empty download; empty where it is one, or missing. */
    public Optional<String> problem(String id) {
        return problems.computeIfAbsent(id, fresh -> entry(id).flatMap(entry -> reader.problem(folder.resolve(entry))));
    }

    /** Whether an id has a file that can be read as an image. */
    public boolean has(String id) {
        return entry(id).isPresent() && problem(id).isEmpty();
    }
}
