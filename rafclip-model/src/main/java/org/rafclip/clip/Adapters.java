package org.rafclip.clip;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.LoraConfig.Target;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Safetensors;
import org.rafclip.nn.Lora;
import org.rafclip.ops.Blas;
import org.rafclip.ops.JavaOps;
import org.rafclip.ops.kernel.Memory;
import org.rafclip.run.Configs;

/**
 * What a training by {@link LoraConfig} makes of a model: the factors, and the loss's own numbers, such as the temperature.
 * On disk {@value #CONFIG_FILE} and {@value #TENSORS_FILE}.
 *
 * @param tensors the factors by name, such as {@code visual.transformer.resblocks.0.attn.q_proj.lora_A.weight}, and the
 *     loss's parameters
 */
public record Adapters(LoraConfig config, Map<String, INDArray> tensors) {

    public static final String CONFIG_FILE = "adapter.yaml";
    public static final String TENSORS_FILE = "adapter.safetensors";

    /** @throws DataException if a file is damaged */
    public static Adapters read(Path folder) throws IOException {
        return new Adapters(
                Configs.load(folder.resolve(CONFIG_FILE), List.of(), LoraConfig.class),
                Safetensors.readAll(folder.resolve(TENSORS_FILE)));
    }

    void write(Path folder, Map<String, String> metadata) throws IOException {
        AtomicFiles.writeString(folder.resolve(CONFIG_FILE), Configs.toYaml(config));
        Safetensors.write(folder.resolve(TENSORS_FILE), new LinkedHashMap<>(tensors), metadata);
    }

    /** The parameter that holds the weight of a layer that is adapted. */
    public static String weightOf(String layer) {
        return Target.of(layer).packed()
                ? layer.substring(0, layer.lastIndexOf('.')) + ".in_proj_weight"
                : layer + ".weight";
    }

    /** Which part of that parameter's rows is the layer's: query, key and value are packed, another layer is alone. */
    public static int partOf(String layer) {
        return Target.of(layer).packed() ? Target.of(layer).ordinal() : 0;
    }

    /** The adapted layers in the order of the tensors. */
    public List<String> layers() {
        return tensors.keySet().stream()
                .filter(name -> name.endsWith(Lora.A))
                .map(name -> name.substring(0, name.length() - Lora.A.length()))
                .toList();
    }

    /**
     * Changes a model's parameters into those that it has with what was trained: W + (α/r) B A, and the loss's.
     *
     * @param parameters of the model that the adapters were trained on
     * @param origin their folder, for errors
     * @throws DataException if they are of another one
     */
    public void mergeInto(Map<String, INDArray> parameters, Path origin) {
        JavaOps.install();
        for (String layer : layers()) {
            INDArray weight = parameters.get(weightOf(layer));
            INDArray a = tensors.get(layer + Lora.A);
            INDArray b = tensors.get(layer + Lora.B);
            long rows = weight == null ? 0 : weight.size(0) / (Target.of(layer).packed() ? 3 : 1);
            if (weight == null || b == null || a.size(1) != weight.size(1) || b.size(0) != rows) {
                throw new DataException(origin + ": its adapter of " + layer
                        + " does not fit the model beside it: restore" + " the folder from a copy");
            }
            int in = (int) a.size(1);
            int rank = (int) a.size(0);
            Blas.gemm(
                    false,
                    false,
                    (int) rows,
                    in,
                    rank,
                    config.alphaOrRank() / rank,
                    Memory.of(b),
                    0,
                    rank,
                    Memory.of(a),
                    0,
                    in,
                    1,
                    Memory.of(weight),
                    partOf(layer) * rows * in,
                    in);
        }
        tensors.forEach((name, tensor) -> {
            if (!Lora.isFactor(name)) {
                parameters.get(name).assign(tensor);
            }
        });
    }
}
