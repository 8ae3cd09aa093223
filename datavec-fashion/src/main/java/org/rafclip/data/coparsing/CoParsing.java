package org.rafclip.data.coparsing;

import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import javax.imageio.ImageReadParam;
import javax.imageio.stream.ImageInputStream;
import org.rafclip.data.DataException;
import org.rafclip.data.TextFile;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.Mask;

/**
 * The data set's folder: {@code photos/NNNN.jpg}, {@code masks/NNNN.png} (one label id a pixel) and {@code labels.txt}
 * ({@code id name} a line).
 *
 * @param dir the folder
 * @param labels name by id
 * @param photos names without extension, sorted
 */
public record CoParsing(Path dir, Map<Integer, String> labels, List<String> photos) {

    /** The labels that are clothes worn on the body, as DeepFashion's categories are; not shoes, bags, hair or skin. */
    public static final Set<String> GARMENTS = Set.of(
            "blazer",
            "blouse",
            "bodysuit",
            "cape",
            "cardigan",
            "coat",
            "dress",
            "hoodie",
            "intimate",
            "jacket",
            "jeans",
            "jumper",
            "leggings",
            "pants",
            "romper",
            "shirt",
            "shorts",
            "skirt",
            "suit",
            "sweater",
            "sweatshirt",
            "swimwear",
            "t-shirt",
            "top",
            "vest");

    /** Smaller regions, in share of the photo, are slivers at the edge of another garment. */
    public static final double LEAST_AREA = 0.01;

    /** Pixels; narrower boxes are left out. */
    public static final int LEAST_SIDE = 32;

    public CoParsing {
        labels = Map.copyOf(labels);
        photos = List.copyOf(photos);
    }

    /**
     * Opens a copy of the data set.
     *
     * @throws DataException naming what is missing or which line of {@code labels.txt} is wrong
     */
    public static CoParsing open(Path dir) {
        Path labelFile = dir.resolve("labels.txt");
        Path photoFolder = dir.resolve("photos");
        try (Stream<Path> files = Files.list(photoFolder)) {
            List<String> photos = files.map(file -> file.getFileName().toString())
                    .filter(name -> name.endsWith(".jpg"))
                    .map(name -> name.substring(0, name.length() - ".jpg".length()))
                    .sorted()
                    .toList();
            if (photos.isEmpty()) {
                throw new DataException(photoFolder + ": has no .jpg; name the folder of the co-parsing data");
            }
            Map<Integer, String> labels = new TreeMap<>();
            List<String> lines = TextFile.lines(labelFile);
            for (int i = 0; i < lines.size(); i++) {
                String[] fields = lines.get(i).strip().split("\\s+", 2);
                if (fields.length != 2 || !fields[0].matches("\\d{1,3}")) {
                    throw new DataException(
                            labelFile + ":" + (i + 1) + ": '" + lines.get(i) + "'; write a label as 'id name'");
                }
                labels.put(Integer.parseInt(fields[0]), fields[1]);
            }
            return new CoParsing(dir, labels, photos);
        } catch (IOException e) {
            throw new DataException(
                    dir + ": cannot be read (" + e + "); the folder needs photos, masks and labels.txt", e);
        }
    }

    /** A photo's path relative to {@link #dir()}. */
    public String photo(String name) {
        return "photos/" + name + ".jpg";
    }

    /**
     * The garments of a photo: for each garment label the pixels that have it, one region even where an arm or a bag
     * parts them, in the order of label ids. Left out are regions below {@link #LEAST_AREA} or {@link #LEAST_SIDE}.
     *
     * @throws DataException where the mask is missing, no 8-bit single-channel image, or has an id without a label
     */
    public List<GarmentRegion> regions(String name) {
        Path file = dir.resolve("masks").resolve(name + ".png");
        Raster raster = labelRaster(file);
        int width = raster.getWidth();
        int height = raster.getHeight();
        int[] ids = raster.getSamples(0, 0, width, height, 0, (int[]) null);
        Map<Integer, boolean[]> pixels = new TreeMap<>();
        for (int i = 0; i < ids.length; i++) {
            pixels.computeIfAbsent(ids[i], id -> new boolean[ids.length])[i] = true;
        }
        List<GarmentRegion> regions = new ArrayList<>();
        pixels.forEach((id, inside) -> {
            if (!labels.containsKey(id)) {
                throw new DataException(file + ": has label " + id + ", which labels.txt does not name");
            }
            if (GARMENTS.contains(labels.get(id))) {
                Mask mask = new Mask(width, height, inside);
                Box box = mask.bounds();
                if (mask.area() >= LEAST_AREA * width * height && Math.min(box.width(), box.height()) >= LEAST_SIDE) {
                    regions.add(new GarmentRegion(labels.get(id), box, mask));
                }
            }
        });
        return regions;
    }

    private static Raster labelRaster(Path file) {
        try (ImageInputStream in = ImageIO.createImageInputStream(file.toFile())) {
            if (in == null) {
                throw new DataException(file + ": no such file; every photo needs its mask");
            }
            javax.imageio.ImageReader png =
                    ImageIO.getImageReadersByFormatName("png").next();
            try {
                png.setInput(in);
                long size = (long) png.getWidth(0) * png.getHeight(0);
                if (size > org.rafclip.data.image.ImageReader.DEFAULT_MAX_PIXELS) {
                    throw new DataException(file + ": has " + size + " pixels, more than a mask of this data set can");
                }
                Raster raster = png.read(0, new ImageReadParam()).getRaster();
                if (raster.getNumBands() != 1 || raster.getSampleModel().getSampleSize(0) > 8) {
                    throw new DataException(file + ": is not an 8-bit image of label ids; get the file again");
                }
                return raster;
            } finally {
                png.dispose();
            }
        } catch (IOException e) {
            throw new DataException(file + ": is no readable PNG (" + e.getMessage() + "); get the file again", e);
        }
    }
}
