package org.rafclip.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.search.FashionModel;
import org.rafclip.search.SuiteModels;
import org.rafclip.search.index.FollowedIndex;
import org.rafclip.search.index.IndexInfo;
import org.rafclip.search.index.IndexStore;
import org.rafclip.search.index.LiveIndex;
import org.rafclip.search.index.LuceneIndex;
import org.rafclip.search.query.Searcher;
import org.rafclip.train.Checkpoints;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Option;

/** Which index is searched; it knows its model. */
final class IndexChoice {

    @Option(
            names = "--index",
            required = true,
            paramLabel = "DIR",
            description = "What ./rafclip index wrote: a folder, or opensearch:http://HOST:9200/NAME.")
    private String index;

    @ArgGroup
    private Which which = new Which();

    private static final class Which {

        @Option(
                names = "--run",
                paramLabel = "DIR",
                description = "The model's run, where it is no longer where it was when the photos were indexed.")
        private Path run;

        @Option(names = "--model", paramLabel = "DIR", description = "The same for a model folder.")
        private Path model;
    }

    @Option(
            names = "--composer",
            paramLabel = "DIR",
            description = "The output.dir of a composer's training on this model's features. Default: the index's.")
    private Path composer;

    @Option(
            names = "--checkpoint",
            defaultValue = "best",
            paramLabel = "WHICH",
            description = "${COMPLETION-CANDIDATES} checkpoint of runs. Default: ${DEFAULT-VALUE}.")
    private Checkpoints.Which checkpoint;

    /** An index with its model, both open. */
    record Opened(String place, LiveIndex index, FashionModel model, Searcher searcher) implements AutoCloseable {

        /** What is searched by what, in one line. */
        String title() {
            IndexInfo info = index.info();
            return place + ", " + String.format(Locale.ROOT, "%,d", info.entries())
                    + (info.entries() == 1 ? " garment" : " garments") + "; model " + model.name() + "; "
                    + model.composer().map(name -> "composer " + name).orElse("no composer");
        }

        @Override
        public void close() {
            model.close();
            index.close();
        }
    }

    Opened open() throws IOException {
        LiveIndex opened = IndexStore.of(index)
                .map(store -> store.open(index))
                .orElseGet(() -> new FollowedIndex(LuceneIndex.open(Path.of(index))));
        FashionModel model = null;
        try {
            Machine.loadNd4j();
            model = model(opened.info());
            opened.info().mustBeOf(IndexStore.shown(index), model.name(), model.hash());
            return new Opened(IndexStore.shown(index), opened, model, new Searcher(model, opened));
        } catch (IOException | RuntimeException e) {
            if (model != null) {
                model.close();
            }
            opened.close();
            throw e;
        }
    }

    private FashionModel model(IndexInfo info) throws IOException {
        Path place = which.run != null ? which.run : which.model;
        Optional<SuiteModels> suite = place == null ? Optional.empty() : SuiteModels.in(place);
        Path composing =
                composer != null ? composer : suite.map(SuiteModels::agcn).orElse(info.composerPlace());
        return FashionModel.open(
                place != null ? place : there(info.modelPlace(), "model", "--run or --model"),
                FashionModel.Settings.DEFAULT
                        .withComposer(
                                composing == null || composing != info.composerPlace()
                                        ? composing
                                        : there(composing, "composer", "--composer"))
                        .withCheckpoint(checkpoint)
                        .withImages(info.images())
                        .withWholePhotos(info.wholePhotos()));
    }

    private Path there(Path place, String what, String option) {
        if (!Files.isDirectory(place)) {
            throw new DataException(IndexStore.shown(index) + ": the index's " + what + " was at " + place
                    + ", where it is no longer; say where it is by " + option);
        }
        return place;
    }
}
