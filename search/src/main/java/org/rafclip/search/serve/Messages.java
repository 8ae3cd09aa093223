package org.rafclip.search.serve;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.rafclip.data.image.Box;

/** What goes over the wire; {@code openapi.json} explains it. */
final class Messages {

    private Messages() {}

    /** A box in pixels of the upright photo, from 0. */
    record Region(Integer x, Integer y, Integer width, Integer height) {

        static Region of(Box box) {
            return new Region(box.x1(), box.y1(), box.width(), box.height());
        }

        Box box(String field) {
            if (x == null
                    || y == null
                    || width == null
                    || height == null
                    || x < 0
                    || y < 0
                    || width < 1
                    || height < 1) {
                throw new ApiException(
                        ApiException.BAD_REQUEST,
                        field,
                        "a box has x and y of at least 0, width and height of at least 1, in pixels");
            }
            return new Box(x, y, (int) Math.min(Integer.MAX_VALUE, (long) x + width - 1), (int)
                    Math.min(Integer.MAX_VALUE, (long) y + height - 1));
        }
    }

    record Part(String text, String id, Region box, Double weight) {}

    record Filter(Map<String, Set<String>> words, Boolean boxed) {}

    record Search(
            List<Part> parts,
            String change,
            Filter filter,
            Set<String> without,
            Integer offset,
            Integer limit,
            Boolean facets) {}

    record Recognise(String id, Region box, List<String> words) {}

    @JsonInclude(JsonInclude.Include.ALWAYS)
    record Error(String error, String field) {}

    record WordCount(String word, int count) {}

    record Facet(String name, List<WordCount> words) {

        /** Facets in the order of their names, the words as counted. */
        static List<Facet> of(Map<String, Map<String, Integer>> counts) {
            return new TreeSet<>(counts.keySet())
                    .stream()
                            .map(name -> new Facet(
                                    name,
                                    counts.get(name).entrySet().stream()
                                            .map(word -> new WordCount(word.getKey(), word.getValue()))
                                            .toList()))
                            .toList();
        }
    }

    record Limits(long uploadBytes, long pixels, int words, int results) {}

    record Index(
            String name,
            String model,
            String composer,
            int width,
            int photos,
            String images,
            boolean predicted,
            String updated,
            List<Facet> facets,
            List<String> examples,
            List<String> suggestions,
            Limits limits) {}

    record Hit(
            String id,
            double score,
            Map<String, List<String>> labels,
            List<String> why,
            Integer width,
            Integer height,
            Region box) {}

    record Gates(double image, double text) {}

    record Answer(List<Hit> hits, int total, String how, Gates gates, List<Facet> facets, double tookMs) {}

    record Uploaded(String id, int width, int height) {}

    record Candidate(String word, double probability, double cosine) {}

    record Group(String name, List<Candidate> candidates) {}

    record Recognised(
            Region box, List<Group> groups, List<Candidate> category, String color, String crop, String region) {}

    record PhotoInfo(String id, Integer width, Integer height, Region box, Map<String, List<String>> labels) {}

    record Health(String status) {}
}
