package org.rafclip.data.fashioniq;

import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * Image files named after the image's id, with any usual extension.
 *
 * @param folder in which they lie
 */
public record ImagesById(Path folder) {

    private static final List<String> EXTENSIONS = List.of(
            "", ".jpg", ".jpeg", ".png", ".webp", ".JPG", ".JPEG", ".PNG", ".WEBP", ".gif", ".bmp", ".GIF", ".BMP");

    /**
     * The path, relative to the folder, of an id's file, to be given to {@link org.rafclip.data.image.ImageReader#read(
     * Path, String)}: the id itself where it is a file's name already, else the first of jpg, jpeg, png, webp, gif, bmp
     * that is there, in small or capital letters. Empty where there is none or the id leads out of the folder.
     */
    public Optional<String> entry(String id) {
        for (String extension : EXTENSIONS) {
            try {
                Path file = folder.resolve(id + extension);
                if (file.normalize().startsWith(folder.normalize()) && Files.isRegularFile(file)) {
                    return Optional.of(id + extension);
                }
            } catch (InvalidPathException e) {
                return Optional.empty();
            }
        }
        return Optional.empty();
    }

    /** Whether an id has a file. */
    public boolean has(String id) {
        return entry(id).isPresent();
    }
}
