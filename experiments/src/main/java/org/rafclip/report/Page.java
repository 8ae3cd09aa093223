package org.rafclip.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.rafclip.eval.Table;

/**
 * What a report says, without how it looks.
 *
 * @param title of the page
 * @param lead what the page is about, in a sentence or two
 * @param sections in order
 */
record Page(String title, String lead, List<Section> sections) {

    Page {
        sections = List.copyOf(sections);
    }

    /** The page's pictures, each once. */
    List<PageImage> pictures() {
        List<PageImage> pictures = new ArrayList<>();
        for (Section section : sections) {
            for (Block block : section.blocks()) {
                if (block instanceof Chart chart) {
                    pictures.add(chart.light());
                } else if (block instanceof Gallery gallery) {
                    for (Ranking ranking : gallery.rankings()) {
                        pictures.add(ranking.picture());
                        pictures.add(ranking.overlay());
                        ranking.answers().forEach(answer -> pictures.add(answer.picture()));
                    }
                }
            }
        }
        return pictures.stream().filter(picture -> picture != null).distinct().toList();
    }

    /**
     * A part with its own entry in the table of contents.
     *
     * @param id unique on the page, letters, digits and hyphens
     */
    record Section(String id, String title, List<Block> blocks) {

        Section {
            blocks = List.copyOf(blocks);
        }
    }

    /** Something that stands below the other in a section. */
    sealed interface Block
            permits Heading,
                    Text,
                    Note,
                    Finding,
                    Standings,
                    Figures,
                    Results,
                    Facts,
                    Listing,
                    Chart,
                    Confusions,
                    Gallery {}

    /** A heading below the section's. */
    record Heading(String text) implements Block {}

    /** A paragraph. */
    record Text(String text) implements Block {}

    /** Something the reader must not overlook. */
    record Note(Kind kind, String text) implements Block {

        /** Why it must not be overlooked. */
        enum Kind {
            /** Something is not there, or not whole. */
            MISSING("Missing"),
            /** Something is easily misread. */
            CAUTION("Caution");

            private final String word;

            Kind(String word) {
                this.word = word;
            }

            String word() {
                return word;
            }
        }

        static Note missing(String text) {
            return new Note(Kind.MISSING, text);
        }

        static Note caution(String text) {
            return new Note(Kind.CAUTION, text);
        }
    }

    /**
     * What a section of the page comes to.
     *
     * @param id of the section
     * @param subject its title
     */
    record Finding(String id, String subject, List<String> sentences) implements Block {

        Finding {
            sentences = List.copyOf(sentences);
        }
    }

    /**
     * Bars on one scale from 0, in percent.
     *
     * @param caption below them
     */
    record Standings(String title, List<Panel> panels, String caption) implements Block {

        Standings {
            panels = List.copyOf(panels);
        }

        /** The end of the scale: the next ten above all bars and their deviations. */
        int most() {
            double most = panels.stream()
                    .flatMap(panel -> panel.bars().stream())
                    .map(Bar::amount)
                    .mapToDouble(amount -> amount.mean() + (amount.deviation() == null ? 0 : amount.deviation()))
                    .max()
                    .orElse(1);
            return 10 * Math.max(1, (int) Math.ceil(most / 10));
        }
    }

    /** The bars of one table. */
    record Panel(String title, List<Bar> bars) {

        Panel {
            bars = List.copyOf(bars);
        }
    }

    /** @param amount in percent */
    record Bar(ResultTable.Kind kind, String name, Amount amount) {}

    /** A table of figures; the first column holds names. */
    record Figures(Table table) implements Block {}

    /** A table of results, whose rows and figures are told apart by what they are. */
    record Results(ResultTable table) implements Block {}

    /** Names with what they stand for, in the map's order. */
    record Facts(Map<String, String> facts) implements Block {}

    /** Long text as it is, folded away where the medium can. */
    record Listing(String title, String text) implements Block {}

    /**
     * A plot.
     *
     * @param light for a light background
     * @param dark the same for a dark one
     * @param narrow both for narrow screens, light and dark
     * @param description what it shows, for those who cannot see it
     * @param caption below it
     */
    record Chart(PageImage light, PageImage dark, List<PageImage> narrow, String description, String caption)
            implements Block {}

    /**
     * Confusion matrices that belong together.
     *
     * @param open whether they are shown without being asked for
     */
    record Confusions(String title, boolean open, List<Confusion> matrices) implements Block {

        Confusions {
            matrices = List.copyOf(matrices);
        }
    }

    /**
     * A confusion matrix.
     *
     * @param title such as {@code fabric}
     * @param counts rows are labels, columns answers
     */
    record Confusion(String title, List<String> attributes, int[][] counts) {}

    /**
     * Queries with ranked answers, the paper's Figures 3 to 6.
     *
     * @param title empty where the section's says it
     * @param caption what one sees
     * @param notes below it
     */
    record Gallery(String title, String caption, List<Ranking> rankings, List<String> notes) implements Block {

        Gallery {
            rankings = List.copyOf(rankings);
            notes = List.copyOf(notes);
        }
    }

    /**
     * A query with its answers.
     *
     * @param method that answers, may be empty
     * @param text of the query, null where it is a picture alone
     * @param picture of the query, null where it is a text alone or its photo cannot be shown
     * @param overlay the picture under the attention to it, null for none
     * @param labels of the picture, may be empty
     * @param wanted what would have been right for every wrong answer, null where that differs or nothing is to be said
     * @param measures named figures of the query, as text
     * @param words the text's tokens with the attention to them, may be empty
     * @param answers best first
     */
    record Ranking(
            String method,
            String text,
            PageImage picture,
            PageImage overlay,
            String labels,
            String wanted,
            Map<String, String> measures,
            List<Word> words,
            List<Answer> answers) {

        Ranking {
            words = List.copyOf(words);
            answers = List.copyOf(answers);
        }

        /** Whether the answers follow each other, and are not the first ones to several questions. */
        boolean ranked() {
            return answers.size() == 1 || answers.stream().anyMatch(answer -> answer.rank() > 1);
        }
    }

    /**
     * A part of a text.
     *
     * @param weight its share of the attention, 0 to 1
     */
    record Word(String text, double weight) {}

    /**
     * One answer.
     *
     * @param rank from 1
     * @param picture null where the answer is a text, or its photo cannot be shown
     * @param text the answer, or what is known of the picture
     * @param score as text
     * @param expected what would have been right, null where nothing is to be said
     */
    record Answer(int rank, PageImage picture, String text, String score, boolean right, String expected) {}
}
