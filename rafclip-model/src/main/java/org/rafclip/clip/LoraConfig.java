package org.rafclip.clip;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.rafclip.nn.Layers;
import org.rafclip.nn.Lora;
import org.rafclip.run.Default;

/**
 * Low-rank adapters of both towers' transformer blocks ({@link Lora}), with PEFT's names and conventions.
 *
 * @param rank r
 * @param alpha what adapters add is multiplied by alpha/rank; null is the rank, so by 1, which is PEFT's relation of the two
 * @param targets the linear layers of a block that are adapted
 * @param dropout rate on what adapters read, in training
 */
public record LoraConfig(
        @Default("16") int rank,
        @Default("null") Double alpha,

        @Default("[q_proj, k_proj, v_proj, out_proj, fc1, fc2]")
        List<Target> targets,

        @Default("0") double dropout) {

    public LoraConfig {
        targets = List.copyOf(targets);
        if (rank < 1) {
            throw new IllegalArgumentException("rank must be at least 1, not " + rank);
        }
        if (alpha != null && !(alpha > 0 && alpha < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("alpha must be above 0, not " + alpha);
        }
        if (targets.isEmpty()) {
            throw new IllegalArgumentException("targets names no layer; leave it away for all of "
                    + Stream.of(Target.values()).map(Target::word).toList());
        }
        if (!(dropout >= 0 && dropout < 1)) {
            throw new IllegalArgumentException("dropout must be in [0, 1), not " + dropout);
        }
    }

    /** A linear layer of a transformer block, by the name that PEFT's users give for CLIP in transformers. */
    public enum Target {
        @JsonProperty("q_proj")
        Q_PROJ("attn." + Layers.PACKED.get(0)),
        @JsonProperty("k_proj")
        K_PROJ("attn." + Layers.PACKED.get(1)),
        @JsonProperty("v_proj")
        V_PROJ("attn." + Layers.PACKED.get(2)),
        @JsonProperty("out_proj")
        OUT_PROJ("attn.out_proj"),
        @JsonProperty("fc1")
        FC1("mlp.c_fc"),
        @JsonProperty("fc2")
        FC2("mlp.c_proj");

        private final String layer;

        /** @param layer its name within a block of ours */
        Target(String layer) {
            this.layer = layer;
        }

        /** PEFT's word. */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Which of the layers an adapted one is. */
        static Target of(String layer) {
            return find(layer).orElseThrow(() -> new IllegalArgumentException(layer + " is no layer of a block"));
        }

        private static Optional<Target> find(String layer) {
            return Stream.of(values())
                    .filter(target -> layer.endsWith("." + target.layer))
                    .findFirst();
        }

        /** Whether its weight is one of the packed attention's. */
        public boolean packed() {
            return ordinal() < Layers.PACKED.size();
        }
    }

    /** Names in PEFT's words. */
    public List<String> words() {
        return targets.stream().map(Target::word).toList();
    }

    /** α, given or not. */
    public double alphaOrRank() {
        return alpha == null ? rank : alpha;
    }

    /**
     * The adapters of a model.
     *
     * @param seed of their first values
     * @param trains whether a layer may be adapted, by the name of its weight
     */
    public Lora adapters(long seed, Predicate<String> trains) {
        return new Lora(
                rank,
                alphaOrRank(),
                dropout,
                seed,
                layer -> Target.find(layer).filter(targets::contains).isPresent()
                        && trains.test(Adapters.weightOf(layer)));
    }
}
