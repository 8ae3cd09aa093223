package org.rafclip.data.composed;

import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import org.rafclip.data.DataException;
import org.rafclip.data.Seeds;
import org.rafclip.data.deepfashion.AttributeTaxonomy;
import org.rafclip.data.deepfashion.FashionItem;
import org.rafclip.data.fashioniq.FashionIq;
import org.rafclip.data.fashioniq.ImageLabels;

/**
 * Triplets drawn from attribute labels. The target differs from the reference in one or two groups and has the same
 * labels in all others; the captions name every difference and nothing else. A missing label equals nothing, so an item
 * that lacks one is neither reference nor target; it stays in the gallery as a wrong answer.
 *
 * <p>For each reference the number of groups that change is drawn first, each number that has a target being equally
 * likely; then the target's combination of labels, each being equally likely however many items have it, so that rare
 * attributes are asked for too; then one of its items. The combinations of one reference differ. Draws come from (seed,
 * the reference's place) alone.
 *
 * @param taxonomy of the labels
 * @param images the gallery: every item's id, in item order
 * @param labels every item's
 * @param triplets in the order of their references
 * @param incomplete items that lack a label in some group
 * @param withoutTarget complete items of which no other differs in few enough groups
 */
public record ComposedTriplets(
        AttributeTaxonomy taxonomy,
        List<String> images,
        ImageLabels labels,
        List<Drawn> triplets,
        int incomplete,
        int withoutTarget) {

    /**
     * How triplets are drawn.
     *
     * @param perReference triplets an item is the reference of, fewer where it has fewer targets
     * @param maxChanged groups in which a target may differ at most
     * @param seed of all draws
     */
    public record Drawing(int perReference, int maxChanged, long seed) {

        public Drawing {
            if (perReference < 1 || maxChanged < 1) {
                throw new IllegalArgumentException("triplets need per-reference and max-changed of at least 1, not "
                        + perReference + " and " + maxChanged);
            }
        }

        /** Targets that differ in one or two groups. */
        public static Drawing of(int perReference, long seed) {
            return new Drawing(perReference, 2, seed);
        }
    }

    /**
     * One triplet.
     *
     * @param reference id of the image to start from
     * @param target id of one image with the wanted labels
     * @param captions two, each naming all changes in words of its own
     * @param changed the groups in which reference and target differ
     */
    public record Drawn(String reference, String target, List<String> captions, List<Integer> changed) {

        public Drawn {
            captions = List.copyOf(captions);
            changed = List.copyOf(changed);
        }
    }

    public ComposedTriplets {
        images = List.copyOf(images);
        triplets = List.copyOf(triplets);
    }

    /**
     * Draws triplets among items.
     *
     * @param items with ids that differ; references, targets and gallery alike
     * @throws DataException if no two items differ in few enough groups
     */
    public static ComposedTriplets draw(AttributeTaxonomy taxonomy, List<FashionItem> items, Drawing drawing) {
        Map<List<Integer>, List<FashionItem>> byLabels = new LinkedHashMap<>();
        Map<String, List<Integer>> labels = new LinkedHashMap<>();
        int incomplete = 0;
        for (FashionItem item : items) {
            if (labels.put(item.id(), item.attributes()) != null) {
                throw new IllegalArgumentException("two items have the id " + item.id());
            }
            if (ImageLabels.complete(item.attributes())) {
                byLabels.computeIfAbsent(item.attributes(), fresh -> new ArrayList<>())
                        .add(item);
            } else {
                incomplete++;
            }
        }
        Map<List<Integer>, List<List<List<Integer>>>> neighbors = new LinkedHashMap<>();
        Phrases phrases = Phrases.load();
        List<Drawn> triplets = new ArrayList<>();
        int withoutTarget = 0;
        for (int i = 0; i < items.size(); i++) {
            FashionItem reference = items.get(i);
            if (!ImageLabels.complete(reference.attributes())) {
                continue;
            }
            List<List<List<Integer>>> left = new ArrayList<>();
            neighbors
                    .computeIfAbsent(
                            reference.attributes(),
                            from -> neighbors(from, List.copyOf(byLabels.keySet()), drawing.maxChanged()))
                    .forEach(distance -> left.add(new ArrayList<>(distance)));
            withoutTarget += left.isEmpty() ? 1 : 0;
            SplittableRandom random = Seeds.stream(drawing.seed(), i);
            for (int n = 0; n < drawing.perReference() && !left.isEmpty(); n++) {
                List<List<Integer>> combinations = left.get(random.nextInt(left.size()));
                List<Integer> to = combinations.remove(random.nextInt(combinations.size()));
                if (combinations.isEmpty()) {
                    left.removeIf(List::isEmpty);
                }
                List<FashionItem> targets = byLabels.get(to);
                FashionItem target = targets.get(random.nextInt(targets.size()));
                triplets.add(triplet(taxonomy, reference, target, phrases, random));
            }
        }
        if (triplets.isEmpty()) {
            throw new DataException("none of the " + items.size() + " photos differs from another in 1 to "
                    + drawing.maxChanged() + " attribute groups and is alike in the others; " + incomplete
                    + " lack a label; use more photos");
        }
        return new ComposedTriplets(
                taxonomy,
                items.stream().map(FashionItem::id).toList(),
                new ImageLabels(taxonomy.groups(), labels),
                triplets,
                incomplete,
                withoutTarget);
    }

    /** The combinations that differ in one group, in two, and so on; numbers without any are left out. */
    private static List<List<List<Integer>>> neighbors(
            List<Integer> from, List<List<Integer>> combinations, int maxChanged) {
        List<List<List<Integer>>> neighbors = new ArrayList<>();
        for (int distance = 1; distance <= maxChanged; distance++) {
            int wanted = distance;
            neighbors.add(combinations.stream()
                    .filter(to -> changed(from, to).size() == wanted)
                    .toList());
        }
        neighbors.removeIf(List::isEmpty);
        return neighbors;
    }

    private static List<Integer> changed(List<Integer> from, List<Integer> to) {
        List<Integer> changed = new ArrayList<>();
        for (int group = 0; group < from.size(); group++) {
            if (!from.get(group).equals(to.get(group))) {
                changed.add(group);
            }
        }
        return changed;
    }

    private static Drawn triplet(
            AttributeTaxonomy taxonomy,
            FashionItem reference,
            FashionItem target,
            Phrases phrases,
            SplittableRandom random) {
        List<Integer> changed = changed(reference.attributes(), target.attributes());
        List<String> captions =
                phrases.captions(taxonomy, reference.attributes(), target.attributes(), changed, random);
        return new Drawn(reference.id(), target.id(), captions, changed);
    }

    /**
     * Writes captions, image ids and labels in FashionIQ's layout, over any that are there.
     *
     * @param dir created where it is missing; splits of one category can share it
     * @param category any name, such as {@code photo}
     * @param split any name without a dot, such as {@code val}
     * @throws DataException if it cannot be written
     */
    public void write(Path dir, String category, String split) {
        record Entry(String target, String candidate, List<String> captions) {}
        List<Entry> entries = triplets.stream()
                .map(triplet -> new Entry(triplet.target(), triplet.reference(), triplet.captions()))
                .toList();
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
        DefaultIndenter indenter = new DefaultIndenter("    ", "\n");
        printer.indentArraysWith(indenter);
        printer.indentObjectsWith(indenter);
        ObjectMapper json = new ObjectMapper();
        try {
            write(
                    FashionIq.splitFile(dir, category, split),
                    json.writer(printer).writeValueAsString(images));
            write(ImageLabels.file(dir, category, split), labels.toJson());
            write(
                    FashionIq.captionsFile(dir, category, split),
                    json.writer(printer).writeValueAsString(entries));
        } catch (IOException e) {
            throw new DataException(dir + ": cannot be written (" + e.getMessage() + "); choose another folder", e);
        }
    }

    private static void write(Path file, String text) throws IOException {
        Files.createDirectories(file.getParent());
        Path fresh = file.resolveSibling(file.getFileName() + ".new");
        Files.writeString(fresh, text + "\n");
        Files.move(fresh, file, StandardCopyOption.REPLACE_EXISTING);
    }
}
