package org.rafclip.data.fashioniq;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.data.DataException;

/** Image files named after the image's id, with any usual extension, as they were when this was made. */
public final class ImagesById {

    private static final List<String> EXTENSIONS = List.of(
            "", ".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".PNG", ".WEBP", ".gif", ".bmp", ".GIF", ".BMP");

    private final Path folder;
    private final Set<String> names;

    /**
     * @param folder in which the images lie; need not exist
     * @throws DataException if it cannot be listed
     */
    public ImagesById(Path folder) {
        this.folder = folder;
        if (!Files.isDirectory(folder)) {
            names = Set.of();
            return;
        }
        try (Stream<Path> files = Files.list(folder)) {
            names = files.map(file -> file.getFileName().toString()).collect(Collectors.toSet());
        } catch (IOException e) {
            throw new DataException(folder + ": cannot be read (" + e.getMessage() + ")", e);
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
                .map(extension -> id + extension)
                .filter(this::isThere)
                .findFirst();
    }

    private boolean isThere(String name) {
        if (!name.contains("/") && !name.contains("\\")) {
            return names.contains(name);
        }
        try {
            Path file = folder.resolve(name);
            return file.normalize().startsWith(folder.normalize()) && Files.isRegularFile(file);
        } catch (InvalidPathException e) {
            return false;
        }
    }

    /** Whether an id has a file. */
    public boolean has(String id) {
        return entry(id).isPresent();
    }
}
