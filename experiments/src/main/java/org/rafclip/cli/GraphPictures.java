package org.rafclip.cli;

import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.VariableType;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.linalg.api.buffer.DataType;
import org.rafclip.agcn.compose.Composer;
import org.rafclip.agcn.train.AgcnConfig;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.DualEncoder;
import org.rafclip.loss.RafLoss;
import org.rafclip.nn.Scope;
import org.rafclip.run.Configs;
import org.rafclip.train.RafClipConfig;

/**
 * Pictures of the models' graphs as they are built, in Mermaid's language: what has weights is one box a layer, what has a
 * name is one, and everything between them is an arrow.
 */
final class GraphPictures {

    private static final String ENCODER = "experiments/configs/rafclip-deepfashion-small.yaml";
    private static final String COMPOSER = "experiments/configs/agcn-deepfashion-small.yaml";

    private final SameDiff graph;
    private final Set<String> shown;
    private final UnaryOperator<String> layer;
    private final Map<String, Set<String>> sources = new LinkedHashMap<>();
    private final Map<String, Set<String>> edges = new LinkedHashMap<>();
    private final Map<String, String> producers = new LinkedHashMap<>();

    /**
     * @param shown names of values that are boxes
     * @param layer of a weight's name; an empty one for weights that belong to no box
     */
    private GraphPictures(SameDiff graph, Set<String> shown, UnaryOperator<String> layer) {
        this.graph = graph;
        this.shown = shown;
        this.layer = layer;
        graph.getOps()
                .values()
                .forEach(op -> op.getOutputsOfOp().forEach(output -> producers.put(output, op.getName())));
    }

    /** The page {@code docs/graphs.md}. */
    static String page() {
        RafClipConfig encoder =
                Configs.load(BenchOptions.shipped(ENCODER), List.of("data.dir=.", "output.dir=."), RafClipConfig.class);
        AgcnConfig composer = Configs.load(
                BenchOptions.shipped(COMPOSER),
                List.of("data.dir=.", "rafclip.run=.", "output.dir=."),
                AgcnConfig.class);
        ClipConfig clip = encoder.model().clip();
        StringBuilder page = new StringBuilder("""
                # The models' graphs, as they are built

                Drawn from the SameDiff graphs that `%s` and `%s` describe: a box is a layer with weights, or a value with a
                name; rounded boxes are what is fed in. [Concepts](concepts.md) says what they are for.

                """.formatted(ENCODER, COMPOSER));
        SameDiff towers = new DualEncoder(clip, DataType.FLOAT, 1).graph();
        page.append("## The dual encoder (CLIP)\n\n")
                .append(new GraphPictures(
                                towers,
                                Set.of(
                                        DualEncoder.IMAGE_FEATURES,
                                        DualEncoder.TEXT_FEATURES,
                                        DualEncoder.IMAGE_EMBEDDING,
                                        DualEncoder.TEXT_EMBEDDING),
                                GraphPictures::ofEncoder)
                        .draw());
        try (RafLoss loss = new RafLoss(encoder.loss(), 6, DataType.FLOAT)) {
            page.append("\n## RaF-CLIP's loss: category branch and attribute branch (Eq. 1 to 5)\n\n")
                    .append(
                            "`images` are crops and masked regions, `texts` the distinct texts of the batch; `textOfImage` says which"
                                    + " image has which\ntext in the category branch and in each attribute group.\n\n")
                    .append(new GraphPictures(loss.graph(), Set.of("categoryLoss", "attributeSum", "loss"), name -> "")
                            .draw());
        }
        SameDiff agcn = new Composer(
                        composer.composer(), clip.embedWidth(), clip.vision().pool(), DataType.FLOAT, 1)
                .graph();
        page.append("\n## AGCN (Eq. 6 to 14)\n\n")
                .append(new GraphPictures(
                                agcn,
                                Set.of(
                                        Composer.IMAGE_BRANCH,
                                        Composer.TEXT_BRANCH,
                                        Composer.IMAGE_GATE,
                                        Composer.TEXT_GATE,
                                        Composer.QUERY_FEATURES,
                                        Composer.QUERY_EMBEDDING),
                                GraphPictures::ofComposer)
                        .draw());
        return page.toString();
    }

    /** A tower's transformer is one box. */
    private static String ofEncoder(String weight) {
        if (weight.contains("transformer.")) {
            return weight.replaceFirst("transformer\\..*", "transformer");
        }
        return DualEncoder.isOfLoss(weight) ? "" : weight.replaceFirst("\\.(weight|bias|gamma|beta)$", "");
    }

    /** A block's layers are a box each, a gate is one. */
    private static String ofComposer(String weight) {
        if (weight.startsWith(Composer.IMAGE_GATE) || weight.startsWith(Composer.TEXT_GATE)) {
            return weight.replaceFirst("\\..*", "") + " network";
        }
        return weight.replaceFirst("^(.*blocks\\.\\d+\\.[^.]+).*", "$1");
    }

    private String draw() {
        for (SameDiffOp op : graph.getOps().values()) {
            String box = box(op);
            if (!box.isEmpty()) {
                connect(inputs(op), box);
            }
            for (String output : op.getOutputsOfOp()) {
                if (shown.contains(output)) {
                    connect(box.isEmpty() ? inputs(op) : Set.of(box), output);
                }
            }
        }
        Set<String> reached = new LinkedHashSet<>();
        shown.forEach(name -> reach(name, reached));
        Map<String, String> ids = new LinkedHashMap<>();
        StringBuilder text = new StringBuilder("```mermaid\nflowchart LR\n");
        for (Map.Entry<String, Set<String>> edge : edges.entrySet()) {
            for (String from : edge.getValue()) {
                if (reached.contains(edge.getKey()) && reached.contains(from)) {
                    text.append("    %s --> %s\n".formatted(node(from, ids), node(edge.getKey(), ids)));
                }
            }
        }
        return text.append("```\n").toString();
    }

    private void reach(String name, Set<String> reached) {
        if (reached.add(name)) {
            edges.getOrDefault(name, Set.of()).forEach(from -> reach(from, reached));
        }
    }

    private String node(String name, Map<String, String> ids) {
        if (ids.containsKey(name)) {
            return ids.get(name);
        }
        String id = "n" + ids.size();
        ids.put(name, id);
        SDVariable variable = graph.hasVariable(name) ? graph.getVariable(name) : null;
        boolean fed = variable != null && variable.getVariableType() == VariableType.PLACEHOLDER;
        return id + (fed ? "([\"" + name + "\"])" : "[\"" + name + "\"]");
    }

    private void connect(Set<String> from, String to) {
        Set<String> known = edges.computeIfAbsent(to, name -> new LinkedHashSet<>());
        from.stream().filter(source -> !source.equals(to)).forEach(known::add);
    }

    /** The box of an operation with weights; empty without. */
    private String box(SameDiffOp op) {
        return op.getInputsToOp().stream()
                .filter(name -> graph.getVariable(name).getVariableType() == VariableType.VARIABLE)
                .map(layer)
                .filter(name -> !name.isEmpty())
                .findFirst()
                .orElse("");
    }

    private Set<String> inputs(SameDiffOp op) {
        Set<String> all = new LinkedHashSet<>();
        op.getInputsToOp().forEach(name -> all.addAll(sources(name)));
        return all;
    }

    /** The boxes that a value comes from. */
    private Set<String> sources(String name) {
        Set<String> known = sources.get(name);
        if (known != null) {
            return known;
        }
        Set<String> found = new LinkedHashSet<>();
        SDVariable variable = graph.getVariable(name);
        if (shown.contains(name) || variable.getVariableType() == VariableType.PLACEHOLDER) {
            if (!name.equals(Scope.DROPOUT_SEED)) {
                found.add(name);
            }
        } else if (producers.containsKey(name)) {
            SameDiffOp op = graph.getOps().get(producers.get(name));
            String box = box(op);
            if (box.isEmpty()) {
                found.addAll(inputs(op));
            } else {
                found.add(box);
            }
        }
        sources.put(name, found);
        return found;
    }
}
