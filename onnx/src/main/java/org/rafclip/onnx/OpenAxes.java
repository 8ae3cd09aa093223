package org.rafclip.onnx;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Lengths of open axes that follow from a transformer's weights: the channels and the side of images that are cut into
 * patches, from the kernel and the table of positions, and the most tokens of a text, from its table of positions.
 */
public final class OpenAxes {

    /** Operations behind which a stored table is still that table, or a part of it. */
    private static final Set<String> TAKES =
            Set.of("Gather", "Slice", "Unsqueeze", "Squeeze", "Reshape", "Identity", "Cast", "Expand");

    private static final int NEAR = 12;

    private final OnnxGraph graph;
    private final Map<String, OnnxNode> producers;
    private final Map<String, List<OnnxNode>> consumers;

    public OpenAxes(OnnxGraph graph) {
        this.graph = graph;
        this.producers = graph.producers();
        this.consumers = graph.consumers();
    }

    /** Of every axis of an input its length as the weights want it; −1 where they do not say. */
    public long[] of(ValueInfo input) {
        int rank = input.shape() == null ? 0 : input.shape().size();
        long[] lengths = new long[rank];
        Arrays.fill(lengths, -1);
        boolean whole = input.type() != null
                && input.type().array() != null
                && input.type().array().isIntType();
        if (rank == 4 && !whole) {
            ofImages(input.name(), lengths);
        } else if (rank == 2 && whole) {
            lengths[1] = ofTexts(input);
        }
        return lengths;
    }

    /** The known lengths of open axes by their labels. */
    public Map<String, Long> byLabel() {
        Map<String, Long> lengths = new HashMap<>();
        for (ValueInfo input : graph.inputs()) {
            long[] known = of(input);
            for (int i = 0; i < known.length; i++) {
                ValueInfo.Dimension size = input.shape().get(i);
                if (size.open() && !size.label().isEmpty() && known[i] > 0) {
                    lengths.putIfAbsent(size.label(), known[i]);
                }
            }
        }
        return lengths;
    }

    private void ofImages(String input, long[] lengths) {
        OnnxNode patches = behind(input)
                .filter(node -> node.op().equals("Conv"))
                .findFirst()
                .orElse(null);
        Optional<OnnxTensor> kernel = patches == null
                ? Optional.empty()
                : graph.stored(patches.inputs().get(1));
        if (kernel.isEmpty() || kernel.get().shape().size() != 4) {
            return;
        }
        List<Long> shape = kernel.get().shape();
        lengths[1] = shape.get(1) * patches.integer("group", 1);
        long width = shape.get(0);
        long stride = patches.hasAttribute("strides") ? patches.integers("strides")[0] : 1;
        positions(patches.outputs().get(0), width, "").ifPresent(rows -> {
            long side = side(rows - 1) > 0 ? side(rows - 1) : side(rows);
            if (side > 0 && stride == shape.get(2)) {
                lengths[2] = side * stride;
                lengths[3] = side * stride;
            }
        });
    }

    private long ofTexts(ValueInfo input) {
        Optional<OnnxNode> lookup = embedding(input.name());
        if (lookup.isEmpty()) {
            // A mask goes with the tokens.
            return input.name().toLowerCase(Locale.ROOT).contains("mask")
                    ? graph.inputs().stream()
                            .filter(other -> embedding(other.name()).isPresent())
                            .mapToLong(this::ofTexts)
                            .findFirst()
                            .orElse(-1)
                    : -1;
        }
        String table = lookup.get().inputs().get(0);
        List<Long> shape = graph.stored(table).orElseThrow().shape();
        return positions(input.name(), shape.get(1), table).orElse(-1L);
    }

    /** The node that takes rows of a stored table by an input's numbers. */
    private Optional<OnnxNode> embedding(String input) {
        return behind(input)
                .limit(NEAR)
                .filter(node -> node.op().equals("Gather") && node.integer("axis", 0) == 0)
                .filter(node -> graph.stored(node.inputs().get(0))
                        .filter(table -> table.shape().size() == 2)
                        .isPresent())
                .findFirst();
    }

    /** Rows of the first stored table of a width, other than one, that is added to what comes of a value. */
    private Optional<Long> positions(String value, long width, String otherThan) {
        return behind(value)
                .filter(node -> node.op().equals("Add"))
                .flatMap(node -> node.inputs().stream())
                .map(this::table)
                .flatMap(Optional::stream)
                .filter(table -> !table.equals(otherThan))
                .map(table -> graph.stored(table).orElseThrow().shape())
                .filter(shape -> shape.size() == 2 || shape.size() == 3 && shape.get(0) == 1)
                .filter(shape -> shape.get(shape.size() - 1) == width && shape.get(shape.size() - 2) > 1)
                .map(shape -> shape.get(shape.size() - 2))
                .findFirst();
    }

    private Optional<String> table(String tensor) {
        String at = tensor;
        for (int i = 0; i < NEAR; i++) {
            if (graph.stored(at).isPresent()) {
                return Optional.of(at);
            }
            OnnxNode node = producers.get(at);
            if (node == null || !TAKES.contains(node.op())) {
                return Optional.empty();
            }
            at = node.inputs().get(0);
        }
        return Optional.empty();
    }

    /** The nodes that a value has an influence on, the nearest first. */
    private Stream<OnnxNode> behind(String value) {
        Deque<String> waiting = new ArrayDeque<>(List.of(value));
        Set<OnnxNode> seen = new HashSet<>();
        List<OnnxNode> found = new ArrayList<>();
        while (!waiting.isEmpty()) {
            for (OnnxNode node : consumers.getOrDefault(waiting.poll(), List.of())) {
                if (seen.add(node)) {
                    found.add(node);
                    waiting.addAll(node.outputs());
                }
            }
        }
        return found.stream();
    }

    private static long side(long patches) {
        long side = Math.round(Math.sqrt(patches));
        return side > 0 && side * side == patches ? side : -1;
    }
}
