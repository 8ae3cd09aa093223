package org.rafclip.report;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/** Losses and validations of trainings over their steps. */
final class Curves {

    private static final int TOGETHER = 6;

    private Curves() {}

    /** Of encoders, then of composers. */
    static List<Page.Block> of(List<TrainedRun> runs) {
        List<Page.Block> blocks = new ArrayList<>();
        List<TrainedRun> encoders = runs.stream().filter(run -> !run.composer()).toList();
        List<TrainedRun> composers = runs.stream().filter(TrainedRun::composer).toList();
        boolean headed = !encoders.isEmpty() && !composers.isEmpty();
        blocks.addAll(of(encoders, "RaF-CLIP", "rafclip", headed));
        blocks.addAll(of(composers, "Composers", "composer", headed));
        return blocks;
    }

    /**
     * Of trainings of one kind, a few in a chart.
     *
     * @param what they are
     * @param id of their pictures' files
     * @param headed whether other trainings follow or precede
     */
    static List<Page.Block> of(List<TrainedRun> some, String what, String id, boolean headed) {
        List<Page.Block> blocks = new ArrayList<>();
        List<TrainedRun> logged =
                some.stream().filter(run -> !run.metrics().isEmpty()).toList();
        for (int from = 0; from < logged.size(); from += TOGETHER) {
            List<TrainedRun> together = logged.subList(from, Math.min(logged.size(), from + TOGETHER));
            String part = logged.size() > TOGETHER ? "-" + (1 + from / TOGETHER) : "";
            if (headed || logged.size() > TOGETHER) {
                blocks.add(new Page.Heading(
                        what + (part.isEmpty() ? "" : ", runs " + (from + 1) + " to " + (from + together.size()))));
            }
            String name = together.size() == 1 ? together.get(0).method() : what;
            losses(together, name, id + part, blocks);
            validations(together, name, id + part, blocks);
        }
        return blocks;
    }

    private static void losses(List<TrainedRun> some, String what, String id, List<Page.Block> blocks) {
        List<Charts.Curve> curves = new ArrayList<>();
        if (some.size() == 1) {
            for (String name : List.of("loss", "categoryLoss", "attributeLoss", "sentenceLoss", "captionLoss")) {
                curves.add(some.get(0).curve(name, Methods.words(name)));
            }
        } else {
            some.forEach(run -> curves.add(run.curve("loss", run.label())));
        }
        curves.removeIf(curve -> curve.x().length == 0);
        if (curves.isEmpty()) {
            return;
        }
        int averaged = curves.stream().mapToInt(Charts.Curve::averaged).max().orElse(1);
        blocks.add(Charts.curves(
                id + "-loss",
                "step",
                "loss",
                curves.stream().map(Charts.Curve::thinned).toList(),
                describe("Training loss of " + what, curves),
                "Training loss over optimizer steps"
                        + (averaged > 1 ? ", up to " + averaged + " steps averaged to a point." : ".")));
    }

    private static void validations(List<TrainedRun> some, String what, String id, List<Page.Block> blocks) {
        if (some.size() == 1) {
            TrainedRun run = some.get(0);
            List<Charts.Curve> curves = run.validationNames().stream()
                    .map(name -> run.validation(name, Methods.words(name)))
                    .filter(curve -> curve.x().length > 0)
                    .toList();
            validation(curves, "percent", id + "-validation", "Validation of " + what, blocks);
            return;
        }
        List<String> names = some.stream()
                .flatMap(run -> run.validationNames().stream())
                .distinct()
                .toList();
        for (String name : names) {
            List<Charts.Curve> curves = some.stream()
                    .map(run -> run.validation(name, run.label()))
                    .filter(curve -> curve.x().length > 0)
                    .toList();
            validation(
                    curves, Methods.words(name) + ", %", id + "-" + name, "Validation, " + Methods.words(name), blocks);
        }
    }

    private static void validation(
            List<Charts.Curve> curves, String yTitle, String id, String title, List<Page.Block> blocks) {
        if (!curves.isEmpty()) {
            blocks.add(Charts.curves(
                    id,
                    "step",
                    yTitle,
                    curves,
                    describe(title, curves),
                    title + " in percent over optimizer steps, on photos that were not trained on."));
        }
    }

    private static String describe(String what, List<Charts.Curve> curves) {
        return what + " over steps. "
                + curves.stream()
                        .map(curve -> String.format(
                                Locale.ROOT,
                                "%s goes from %.3f to %.3f",
                                curve.name(),
                                curve.y()[0],
                                curve.y()[curve.y().length - 1]))
                        .collect(Collectors.joining("; "))
                + ".";
    }
}
