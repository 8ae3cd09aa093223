package org.rafclip.data.drawn;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.awt.image.BufferedImage;
import java.awt.image.DataBufferByte;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.SplittableRandom;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.MemoryCacheImageOutputStream;
import org.rafclip.data.DataException;
import org.rafclip.data.Progress;
import org.rafclip.data.Seeds;
import org.rafclip.data.Workers;
import org.rafclip.data.composed.ComposedTriplets;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.deepfashion.FashionSplit;
import org.rafclip.data.drawn.Plan.Shot;
import org.rafclip.data.image.Box;
import org.rafclip.data.image.ImageReader;
import org.rafclip.data.image.Mask;
import org.rafclip.data.image.RgbImage;
import org.rafclip.data.segment.ExactSegmenter;
import org.rafclip.data.text.DominantColor;
import org.rafclip.data.text.FashionColor;

/**
 * Writes a drawn data set:
 *
 * <ul>
 *   <li>{@code img} and {@code Anno_fine}: DeepFashion's layout, splits train, val and test, for {@link FashionSplit};
 *   <li>{@code masks}: exact masks, for {@link ExactSegmenter};
 *   <li>{@code fashioniq}: FashionIQ's layout, photos cut to the garment's box and a margin, for {@link
 *       org.rafclip.data.fashioniq.FashionIq};
 *   <li>{@link #TABLE}: the same photos, boxes and labels as {@code Anno_fine}, with a caption each, for {@link
 *       org.rafclip.data.table.PhotoTable};
 *   <li>{@code labels.csv}: all labels, the garment's number and its family's;
 *   <li>{@code contact-sheet.png}, {@code README.txt}.
 * </ul>
 *
 * <p>All files are functions of the settings, to the last byte on one Java version, however many threads there are. A
 * photo whose dominant color or visible size turns out wrong, by folds, light or what lies over it, is taken anew from
 * another place. Each file is written beside its place and moved there, so an interrupted run leaves whole files; started
 * again with the same settings it goes on.
 */
public final class DrawnData {

    /** Says which settings a folder belongs to; written before everything else. */
    public static final String SETTINGS = "generated.json";

    /** The folder in FashionIQ's layout. */
    public static final String FASHION_IQ = "fashioniq";

    /** The table of all photos. */
    public static final String TABLE = "photos.csv";

    private static final String LAST = "README.txt";

    /** Names the drawing: other numbers draw other pictures. */
    private static final int VERSION = 1;

    private static final float JPEG_QUALITY = 0.93f;
    private static final double LEAST_VISIBLE = 0.04;
    private static final double MARGIN = 0.12;
    private static final String COLOR_GROUP = "color";
    private static final String CATEGORY_GROUP = "category";

    /** DeepFashion's fifty categories: name and type (1 upper body, 2 lower body, 3 full body). */
    private static final List<List<String>> CATEGORIES = List.of(
            List.of(
                    "Anorak",
                    "Blazer",
                    "Blouse",
                    "Bomber",
                    "Button-Down",
                    "Cardigan",
                    "Flannel",
                    "Halter",
                    "Henley",
                    "Hoodie",
                    "Jacket",
                    "Jersey",
                    "Parka",
                    "Peacoat",
                    "Poncho",
                    "Sweater",
                    "Tank",
                    "Tee",
                    "Top",
                    "Turtleneck"),
            List.of(
                    "Capris",
                    "Chinos",
                    "Culottes",
                    "Cutoffs",
                    "Gauchos",
                    "Jeans",
                    "Jeggings",
                    "Jodhpurs",
                    "Joggers",
                    "Leggings",
                    "Sarong",
                    "Shorts",
                    "Skirt",
                    "Sweatpants",
                    "Sweatshorts",
                    "Trunks"),
            List.of(
                    "Caftan",
                    "Cape",
                    "Coat",
                    "Coverup",
                    "Dress",
                    "Jumpsuit",
                    "Kaftan",
                    "Kimono",
                    "Nightdress",
                    "Onesie",
                    "Robe",
                    "Romper",
                    "Shirtdress",
                    "Sundress"));

    private final Path dir;
    private final Drawing drawing;
    private final Wardrobe wardrobe = Wardrobe.load();
    private final ImageReader reader = new ImageReader();
    private final DominantColor colors = new DominantColor(DominantColor.Palette.NINE);
    private final AtomicInteger drawn = new AtomicInteger();
    private final AtomicInteger redrawn = new AtomicInteger();

    /**
     * What to draw.
     *
     * @param images photos in all splits together, from 20
     * @param size pixels of a photo's longer side, from 64
     * @param seed of everything
     */
    public record Drawing(int images, int size, long seed) {

        /** The size of photos where none is asked for. */
        public static final int DEFAULT_SIZE = 256;

        public Drawing {
            if (images < 20 || images > 99_999 || size < 64 || size > 2048) {
                throw new IllegalArgumentException("a generated data set has 20 to 99,999 images of 64 to 2,048 pixels,"
                        + " not " + images + " of " + size);
            }
        }
    }

    /**
     * What was written.
     *
     * @param images in each split, by its name
     * @param drawn photos that were not there yet
     * @param redrawn photos among them that had to be taken more than once
     * @param triplets of relative captions, by category and split, such as {@code dress train}
     * @param withoutTriplets categories and splits with too few photos for triplets
     */
    public record Report(
            Map<String, Integer> images,
            int drawn,
            int redrawn,
            Map<String, Integer> triplets,
            List<String> withoutTriplets) {}

    /** What a finished photo's files say. */
    private record Taken(Box box, String key) {}

    private DrawnData(Path dir, Drawing drawing) {
        this.dir = dir;
        this.drawing = drawing;
    }

    /**
     * Draws a data set, or what an interrupted run with these settings left to be drawn.
     *
     * @param dir created where it is missing
     * @throws DataException if the folder holds something else, or cannot be written
     */
    public static Report write(Path dir, Drawing drawing, int threads, Progress progress) throws InterruptedException {
        DrawnData data = new DrawnData(dir, drawing);
        try {
            data.claim();
            return data.write(threads, progress);
        } catch (IOException | UncheckedIOException e) {
            throw new DataException(dir + ": cannot be written (" + e.getMessage() + "); choose another folder", e);
        }
    }

    /** Whether a folder holds this data set to its last file; the photos themselves are not read again. */
    public static boolean isWhole(Path dir, Drawing drawing) {
        DrawnData data = new DrawnData(dir, drawing);
        try {
            // Written last, after everything that a kill could have kept from being there.
            if (!Files.isRegularFile(dir.resolve(LAST))
                    || !Files.readString(dir.resolve(SETTINGS)).equals(data.claimText())) {
                return false;
            }
            for (Shot shot : data.shots()) {
                if (!Files.isRegularFile(data.file(shot)) || !Files.isRegularFile(data.maskFile(shot))) {
                    return false;
                }
            }
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    /**
     * Writes the annotations of a data set whose photos are not drawn: a file with a name stands for each. For those who
     * count and do not look.
     *
     * @param dir empty
     */
    public static void outline(Path dir, Drawing drawing) throws IOException {
        DrawnData data = new DrawnData(dir, drawing);
        data.makeFolders();
        List<Shot> shots = data.shots();
        Taken[] taken = new Taken[shots.size()];
        for (int i = 0; i < taken.length; i++) {
            Files.writeString(data.file(shots.get(i)), shots.get(i).id());
            taken[i] = new Taken(new Box(0, 0, drawing.size() / 2, drawing.size() / 2), "");
        }
        data.writeLists();
        for (Plan.Split split : Plan.Split.values()) {
            data.writeSplit(split, shots, taken);
        }
    }

    private void claim() throws IOException {
        Files.createDirectories(dir);
        Path file = dir.resolve(SETTINGS);
        if (Files.exists(file)) {
            String there = Files.readString(file);
            if (!there.equals(claimText())) {
                throw new DataException(file + ": the folder holds a data set of other settings, " + there.strip()
                        + "; choose another folder, or remove this one");
            }
            return;
        }
        try (Stream<Path> entries = Files.list(dir)) {
            if (entries.findAny().isPresent()) {
                throw new DataException(dir + ": is not empty and no generated data set; choose another folder");
            }
        }
        store(file, claimText().getBytes(StandardCharsets.UTF_8));
    }

    private String claimText() throws JsonProcessingException {
        Map<String, Object> values = new LinkedHashMap<>();
        values.put("version", VERSION);
        values.put("images", drawing.images());
        values.put("size", drawing.size());
        values.put("seed", drawing.seed());
        return new ObjectMapper().writeValueAsString(values) + "\n";
    }

    private Report write(int threads, Progress progress) throws IOException, InterruptedException {
        makeFolders();
        List<Shot> shots = shots();
        Taken[] taken = new Taken[shots.size()];
        Workers.forEach(
                "drawing",
                shots.size(),
                threads,
                i -> {
                    try {
                        Optional<Taken> there = taken(shots.get(i));
                        taken[i] = there.isPresent() ? there.get() : take(shots.get(i));
                    } catch (IOException e) {
                        throw new UncheckedIOException(e);
                    }
                },
                progress);
        writeLists();
        Map<String, Integer> images = new LinkedHashMap<>();
        Map<String, Integer> triplets = new LinkedHashMap<>();
        List<String> without = new ArrayList<>();
        for (Plan.Split split : Plan.Split.values()) {
            images.put(split.word(), writeSplit(split, shots, taken));
            writeTriplets(split, shots, triplets, without);
        }
        StringBuilder index = new StringBuilder();
        for (int i = 0; i < taken.length; i++) {
            index.append(taken[i].key()).append(' ').append(shots.get(i).id()).append(".png\n");
        }
        store(ExactSegmenter.FOLDER + "/" + ExactSegmenter.INDEX, index);
        store("labels.csv", labels(shots));
        store(TABLE, table(shots, taken));
        store(
                dir.resolve("contact-sheet.png"),
                png(ContactSheet.of(shots, i -> photo(shots.get(i)), i -> taken[i].box())));
        Report report = new Report(images, drawn.get(), redrawn.get(), triplets, without);
        store(LAST, readme(report));
        return report;
    }

    private void makeFolders() throws IOException {
        for (String folder : List.of("img", ExactSegmenter.FOLDER, FASHION_IQ + "/images", FashionSplit.FOLDER)) {
            Files.createDirectories(dir.resolve(folder));
        }
    }

    private List<Shot> shots() {
        return Plan.draw(wardrobe, drawing.images(), drawing.size(), drawing.seed())
                .shots();
    }

    // ---- photos

    private Path file(Shot shot) {
        return dir.resolve("img").resolve(shot.id() + ".jpg");
    }

    private Path maskFile(Shot shot) {
        return dir.resolve(ExactSegmenter.FOLDER).resolve(shot.id() + ".png");
    }

    private RgbImage photo(Shot shot) {
        return reader.read(file(shot));
    }

    /** A photo that an earlier run finished; the photo itself is the last of its files. */
    private Optional<Taken> taken(Shot shot) {
        if (!Files.exists(file(shot)) || !Files.exists(maskFile(shot))) {
            return Optional.empty();
        }
        RgbImage photo;
        RgbImage stored;
        try {
            photo = photo(shot);
            stored = reader.read(maskFile(shot));
        } catch (DataException e) {
            // cut short by a crash of the machine
            return Optional.empty();
        }
        boolean[] inside = new boolean[stored.width() * stored.height()];
        for (int i = 0; i < inside.length; i++) {
            inside[i] = stored.get(i % stored.width(), i / stored.width(), 0) >= 128;
        }
        Mask mask = new Mask(stored.width(), stored.height(), inside);
        return mask.area() == 0 ? Optional.empty() : Optional.of(new Taken(mask.bounds(), ExactSegmenter.key(photo)));
    }

    private Taken take(Shot shot) throws IOException {
        Path fresh = part(file(shot));
        SceneRenderer.Photo photo;
        BufferedImage picture;
        RgbImage seen;
        int attempt = 0;
        do {
            photo = SceneRenderer.photo(shot.scene(wardrobe, attempt++));
            picture = picture(photo.image());
            Files.write(fresh, jpeg(picture));
            seen = reader.read(fresh);
        } while (attempt < Plan.ATTEMPTS && !good(seen, photo.garment(), shot)
                // Rarely, in small photos, nothing of a garment is left to be seen.
                || photo.garment().area() == 0);
        Box box = photo.garment().bounds();
        drawn.incrementAndGet();
        redrawn.addAndGet(attempt > 1 ? 1 : 0);
        Box cut = new Box(
                        box.x1() - (int) (MARGIN * box.width()),
                        box.y1() - (int) (MARGIN * box.height()),
                        box.x2() + (int) (MARGIN * box.width()),
                        box.y2() + (int) (MARGIN * box.height()))
                .clip(photo.image().width(), photo.image().height());
        if (!shot.garment().look().category().fashionIq().isEmpty()) {
            store(
                    dir.resolve(FASHION_IQ).resolve("images").resolve(shot.id() + ".jpg"),
                    jpeg(picture.getSubimage(cut.x1(), cut.y1(), cut.width(), cut.height())));
        }
        store(maskFile(shot), png(picture(photo.garment())));
        Files.move(fresh, file(shot), StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
        return new Taken(box, ExactSegmenter.key(seen));
    }

    /** Whether enough of the garment is to be seen, and its color is the one it is said to have. */
    private boolean good(RgbImage photo, Mask garment, Shot shot) {
        return garment.area() >= LEAST_VISIBLE * garment.width() * garment.height()
                && colors.of(photo, garment) == shot.garment().look().color();
    }

    private static BufferedImage picture(RgbImage image) {
        BufferedImage picture = new BufferedImage(image.width(), image.height(), BufferedImage.TYPE_3BYTE_BGR);
        byte[] bgr = ((DataBufferByte) picture.getRaster().getDataBuffer()).getData();
        for (int i = 0; i < bgr.length; i += 3) {
            bgr[i] = image.rgb()[i + 2];
            bgr[i + 1] = image.rgb()[i + 1];
            bgr[i + 2] = image.rgb()[i];
        }
        return picture;
    }

    private static BufferedImage picture(Mask mask) {
        BufferedImage picture = new BufferedImage(mask.width(), mask.height(), BufferedImage.TYPE_BYTE_GRAY);
        byte[] pixels = ((DataBufferByte) picture.getRaster().getDataBuffer()).getData();
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (mask.inside()[i] ? 255 : 0);
        }
        return picture;
    }

    private static byte[] jpeg(BufferedImage picture) throws IOException {
        ImageWriter writer = ImageIO.getImageWritersByFormatName("jpeg").next();
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            ImageWriteParam param = writer.getDefaultWriteParam();
            param.setCompressionMode(ImageWriteParam.MODE_EXPLICIT);
            param.setCompressionQuality(JPEG_QUALITY);
            writer.setOutput(out);
            writer.write(null, new IIOImage(picture, null, null), param);
        } finally {
            writer.dispose();
        }
        return bytes.toByteArray();
    }

    private static byte[] png(BufferedImage picture) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (MemoryCacheImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
            ImageIO.write(picture, "png", out);
        }
        return bytes.toByteArray();
    }

    // ---- annotations

    private void writeLists() throws IOException {
        AttributeTaxonomy taxonomy = AttributeTaxonomy.deepFashionFine();
        StringBuilder attributes = new StringBuilder();
        attributes.append(taxonomy.attributeCount()).append("\nattribute_name attribute_type\n");
        for (int group = 0; group < taxonomy.groups().size(); group++) {
            for (String name : taxonomy.group(group).attributes()) {
                attributes.append(name).append(' ').append(group + 1).append('\n');
            }
        }
        store(FashionSplit.FOLDER + "/" + AttributeTaxonomy.FILE, attributes);
        List<String> names = categoryNames();
        StringBuilder categories = new StringBuilder();
        categories.append(names.size()).append("\ncategory_name category_type\n");
        for (int type = 0; type < CATEGORIES.size(); type++) {
            for (String name : CATEGORIES.get(type)) {
                categories.append(name).append(' ').append(type + 1).append('\n');
            }
        }
        store(FashionSplit.FOLDER + "/list_category_cloth.txt", categories);
    }

    private static List<String> categoryNames() {
        return CATEGORIES.stream().flatMap(List::stream).toList();
    }

    /** Writes a split's files and returns how many photos it has. */
    private int writeSplit(Plan.Split split, List<Shot> shots, Taken[] taken) throws IOException {
        AttributeTaxonomy taxonomy = AttributeTaxonomy.deepFashionFine();
        List<String> categories = categoryNames();
        StringBuilder images = new StringBuilder();
        StringBuilder boxes = new StringBuilder();
        StringBuilder flags = new StringBuilder();
        StringBuilder numbers = new StringBuilder();
        int count = 0;
        for (int i = 0; i < shots.size(); i++) {
            Shot shot = shots.get(i);
            if (shot.split() != split) {
                continue;
            }
            count++;
            Look look = shot.garment().look();
            Box box = taken[i].box();
            images.append("img/").append(shot.id()).append(".jpg\n");
            boxes.append(String.format(
                    Locale.ROOT, "%d %d %d %d\n", box.x1() + 1, box.y1() + 1, box.x2() + 1, box.y2() + 1));
            List<String> line = new ArrayList<>();
            for (int group = 0; group < taxonomy.groups().size(); group++) {
                for (int label = 0; label < taxonomy.group(group).size(); label++) {
                    line.add(look.attributes().get(group) == label ? "1" : "0");
                }
            }
            flags.append(String.join(" ", line)).append('\n');
            numbers.append(categories.indexOf(look.category().listed()) + 1).append('\n');
        }
        String name = FashionSplit.FOLDER + "/" + split.word();
        store(name + ".txt", images);
        store(name + "_bbox.txt", boxes);
        store(name + "_attr.txt", flags);
        store(name + "_cate.txt", numbers);
        return count;
    }

    /** Triplets of each of FashionIQ's categories; color and category count as groups beside the attributes. */
    private void writeTriplets(
            Plan.Split split, List<Shot> shots, Map<String, Integer> triplets, List<String> without) {
        List<String> names = Arrays.stream(Category.values())
                .map(Category::fashionIq)
                .filter(name -> !name.isEmpty())
                .distinct()
                .sorted()
                .toList();
        for (String name : names) {
            List<FashionItem> items = shots.stream()
                    .filter(shot -> shot.split() == split
                            && shot.garment().look().category().fashionIq().equals(name))
                    .map(DrawnData::item)
                    .toList();
            try {
                ComposedTriplets drawnTriplets = ComposedTriplets.draw(
                        taxonomy(), items, ComposedTriplets.Drawing.of(3, drawing.seed() + split.ordinal()));
                worded(drawnTriplets, split).write(dir.resolve(FASHION_IQ), name, split.word());
                triplets.put(name + " " + split.word(), drawnTriplets.triplets().size());
            } catch (DataException e) {
                without.add(name + " " + split.word());
            }
        }
    }

    /** Says "is the same dress but floral" in some of the captions of one change. */
    private ComposedTriplets worded(ComposedTriplets triplets, Plan.Split split) {
        int categoryGroup = triplets.taxonomy().groups().size() - 1;
        List<ComposedTriplets.Drawn> worded = new ArrayList<>();
        for (int i = 0; i < triplets.triplets().size(); i++) {
            ComposedTriplets.Drawn triplet = triplets.triplets().get(i);
            SplittableRandom random = Seeds.stream(drawing.seed(), split.ordinal(), i);
            if (triplet.changed().size() > 1
                    || triplet.changed().contains(categoryGroup)
                    || random.nextInt(100) >= 40) {
                worded.add(triplet);
                continue;
            }
            List<String> captions = new ArrayList<>(triplet.captions());
            int which = random.nextInt(captions.size());
            String category = triplets.taxonomy()
                    .group(categoryGroup)
                    .words(triplets.labels().of(triplet.reference()).get(categoryGroup));
            String change = captions.get(which);
            captions.set(
                    which,
                    "is the same " + category + " but " + (change.startsWith("is ") ? change.substring(3) : change));
            worded.add(new ComposedTriplets.Drawn(triplet.reference(), triplet.target(), captions, triplet.changed()));
        }
        return new ComposedTriplets(
                triplets.taxonomy(),
                triplets.images(),
                triplets.labels(),
                worded,
                triplets.incomplete(),
                triplets.withoutTarget());
    }

    private static FashionItem item(Shot shot) {
        Look look = shot.garment().look();
        List<Integer> labels = new ArrayList<>(look.attributes());
        labels.add(look.color().ordinal());
        labels.add(look.category().ordinal());
        return new FashionItem(
                shot.id(),
                "img/" + shot.id() + ".jpg",
                new Box(0, 0, 0, 0),
                Optional.of(look.category().word()),
                labels,
                List.of(),
                shot.number());
    }

    /** The six groups of attributes, then color and category. */
    static AttributeTaxonomy taxonomy() {
        List<AttributeTaxonomy.Group> groups =
                new ArrayList<>(AttributeTaxonomy.deepFashionFine().groups());
        groups.add(new AttributeTaxonomy.Group(
                COLOR_GROUP,
                Arrays.stream(FashionColor.values())
                        .filter(color -> color != FashionColor.WHITE)
                        .map(FashionColor::word)
                        .toList()));
        groups.add(new AttributeTaxonomy.Group(
                CATEGORY_GROUP,
                Arrays.stream(Category.values()).map(Category::word).toList()));
        return new AttributeTaxonomy(groups);
    }

    private static StringBuilder table(List<Shot> shots, Taken[] taken) {
        AttributeTaxonomy taxonomy = AttributeTaxonomy.deepFashionFine();
        StringBuilder csv = new StringBuilder("image,x,y,width,height,category,color");
        taxonomy.groups().forEach(group -> csv.append(',').append(group.name().replace(' ', '_')));
        csv.append(",caption,split\n");
        for (int i = 0; i < taken.length; i++) {
            Shot shot = shots.get(i);
            Look look = shot.garment().look();
            Box box = taken[i].box();
            csv.append(String.format(
                    Locale.ROOT,
                    "img/%s.jpg,%d,%d,%d,%d,%s,%s",
                    shot.id(),
                    box.x1(),
                    box.y1(),
                    box.width(),
                    box.height(),
                    look.category().listed(),
                    look.color().word()));
            List<String> words = new ArrayList<>();
            for (int group = 0; group < taxonomy.groups().size(); group++) {
                int label = look.attributes().get(group);
                csv.append(',').append(taxonomy.group(group).attributes().get(label));
                words.add(taxonomy.group(group).words(label));
            }
            csv.append(",\"a ")
                    .append(look.color().word())
                    .append(' ')
                    .append(look.category().word())
                    .append(": ")
                    .append(String.join(", ", words))
                    .append("\",")
                    .append(shot.split().word())
                    .append('\n');
        }
        return csv;
    }

    private static StringBuilder labels(List<Shot> shots) {
        StringBuilder csv = new StringBuilder(
                "image,split,garment,family,color,category,texture,sleeve,length,neckline,fabric,fit\n");
        for (Shot shot : shots) {
            csv.append("img/")
                    .append(shot.id())
                    .append(".jpg,")
                    .append(shot.split().word());
            csv.append(',').append(shot.product()).append(',').append(shot.family());
            shot.garment().look().words().forEach(word -> csv.append(',').append(word));
            csv.append('\n');
        }
        return csv;
    }

    private String readme(Report report) {
        String counts = report.images().entrySet().stream()
                .map(split -> split.getKey() + " " + split.getValue())
                .collect(Collectors.joining(", "));
        String captions = report.triplets().entrySet().stream()
                .map(entry -> entry.getKey() + " " + entry.getValue())
                .collect(Collectors.joining(", "));
        return """
                Drawn photos of garments with exact labels, boxes and masks. No photo of a real person or product is in here.

                Made by:  ./rafclip data generate --images %d --size %d --seed %d
                Photos:   %s
                Triplets: %s%s

                img/                photos
                Anno_fine/          DeepFashion's layout (fine annotations): boxes from 1, 26 flags, category numbers
                masks/              exact masks, white on black; index.txt finds them by a photo's pixels
                                    (data.segmenter=exact)
                fashioniq/          FashionIQ's layout: captions, image_splits, labels, images; the images are the photos
                                    above, cut to the garment's box and %d %% around it
                photos.csv          the same photos as a table, with a caption each
                labels.csv          every label, with the garment's number and its family's
                contact-sheet.png   some of the photos with box and labels
                generated.json      the settings; the same ones give the same files

                Garments come in families whose members share a style and differ in one or two labels; there are one to
                three photos of a garment. A family stays in one split. The labels are what was drawn, not what somebody
                saw: an arm or hair may hide a neckline. As in DeepFashion, trousers and skirts are labelled sleeveless
                and no_neckline, and whatever is no dress no_dress.
                """.formatted(
                        drawing.images(),
                        drawing.size(),
                        drawing.seed(),
                        counts,
                        captions,
                        report.withoutTriplets().isEmpty()
                                ? ""
                                : "; too few photos for: " + String.join(", ", report.withoutTriplets()),
                        Math.round(100 * MARGIN));
    }

    // ---- files

    private void store(String name, CharSequence text) throws IOException {
        store(dir.resolve(name), text.toString().getBytes(StandardCharsets.UTF_8));
    }

    /** Writes a file beside its place and moves it there. */
    private static void store(Path file, byte[] bytes) throws IOException {
        Path part = part(file);
        Files.write(part, bytes);
        Files.move(part, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }

    private static Path part(Path file) {
        return file.resolveSibling(file.getFileName() + ".part");
    }
}
