package org.rafclip.data.deepfashion;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.rafclip.data.DataException;

/**
 * The attribute groups of a data set, each a set of classes of which an item has one.
 *
 * @param groups in the order of the data set's attribute types
 */
public record AttributeTaxonomy(List<Group> groups) {

    /** The file, beside the splits, that lists the attributes. */
    public static final String FILE = "list_attr_cloth.txt";

    private static final List<String> GROUP_NAMES =
            List.of("texture", "sleeve length", "dress length", "neckline", "fabric", "fit");

    /**
     * One attribute group.
     *
     * @param name as reports print it, such as {@code sleeve length}
     * @param attributes the classes as the data set spells them, such as {@code long_sleeve}; the position is the class
     *     index
     */
    public record Group(String name, List<String> attributes) {

        public Group {
            attributes = List.copyOf(attributes);
        }

        public int size() {
            return attributes.size();
        }

        /** A class as a prompt words it: underscores become blanks, so {@code no_dress} reads "no dress". */
        public String words(int index) {
            return attributes.get(index).replace('_', ' ');
        }

        /** All classes as prompts word them. */
        public List<String> words() {
            return attributes.stream().map(name -> name.replace('_', ' ')).toList();
        }
    }

    public AttributeTaxonomy {
        groups = List.copyOf(groups);
        if (groups.stream().anyMatch(group -> group.size() == 0)) {
            throw new IllegalArgumentException("each group of a taxonomy needs at least one attribute");
        }
    }

    /** The 26 attributes in six groups of the fine annotations, which the paper's Table 1 reports. */
    public static AttributeTaxonomy deepFashionFine() {
        List<List<String>> attributes = List.of(
                List.of("floral", "graphic", "striped", "embroidered", "pleated", "solid", "lattice"),
                List.of("long_sleeve", "short_sleeve", "sleeveless"),
                List.of("maxi_length", "mini_length", "no_dress"),
                List.of("crew_neckline", "v_neckline", "square_neckline", "no_neckline"),
                List.of("denim", "chiffon", "cotton", "leather", "faux", "knit"),
                List.of("tight", "loose", "conventional"));
        List<Group> groups = new ArrayList<>();
        for (int i = 0; i < attributes.size(); i++) {
            groups.add(new Group(GROUP_NAMES.get(i), attributes.get(i)));
        }
        return new AttributeTaxonomy(groups);
    }

    /**
     * Reads an official list file: a line with the number of attributes, a heading, then {@code name type} a line,
     * types counting up from 1. The file gives types no names: one with just the attributes of a group of the fine
     * annotations has that group's name, others are called {@code type 7} and so on.
     *
     * @throws DataException naming the file and line of what is wrong
     */
    public static AttributeTaxonomy read(Path file) {
        List<ListFile.Entry> entries = ListFile.read(file, "attribute_name attribute_type");
        if (entries.isEmpty()) {
            throw new DataException(file + ": lists no attribute; give each a line with its name and type");
        }
        List<List<String>> groups = new ArrayList<>();
        Set<String> seen = new HashSet<>();
        for (ListFile.Entry entry : entries) {
            if (entry.type() < groups.size() || entry.type() > groups.size() + 1 || entry.type() < 1) {
                throw new DataException(file + ":" + entry.line() + ": attribute type " + entry.type() + " after type "
                        + groups.size() + "; list the attributes type by type, counting up from 1");
            }
            if (!seen.add(entry.name())) {
                throw new DataException(file + ":" + entry.line() + ": attribute '" + entry.name()
                        + "' is listed twice; every attribute has one line");
            }
            if (entry.type() > groups.size()) {
                groups.add(new ArrayList<>());
            }
            groups.get(entry.type() - 1).add(entry.name());
        }
        List<Group> named = new ArrayList<>();
        for (int i = 0; i < groups.size(); i++) {
            named.add(new Group(name(Set.copyOf(groups.get(i)), i + 1), groups.get(i)));
        }
        return new AttributeTaxonomy(named);
    }

    private static String name(Set<String> attributes, int type) {
        return deepFashionFine().groups().stream()
                .filter(group -> Set.copyOf(group.attributes()).equals(attributes))
                .map(Group::name)
                .findFirst()
                .orElse("type " + type);
    }

    public Group group(int index) {
        return groups.get(index);
    }

    /** An item's attributes as prompts word them, group by group; groups without a label are left out. */
    public List<String> words(FashionItem item) {
        List<String> words = new ArrayList<>();
        for (int g = 0; g < groups.size(); g++) {
            int label = item.attributes().get(g);
            if (label != FashionItem.MISSING) {
                words.add(group(g).words(label));
            }
        }
        return words;
    }

    /** The number of attributes of all groups: the flags in a line of the official attribute file. */
    public int attributeCount() {
        return groups.stream().mapToInt(Group::size).sum();
    }

    /** The sizes of the groups, in order. */
    public int[] sizes() {
        return groups.stream().mapToInt(Group::size).toArray();
    }
}
