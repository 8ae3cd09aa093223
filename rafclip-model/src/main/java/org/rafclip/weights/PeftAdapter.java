package org.rafclip.weights;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.clip.Adapters;
import org.rafclip.clip.ClipConfig;
import org.rafclip.clip.ClipModel;
import org.rafclip.data.DataException;
import org.rafclip.io.AtomicFiles;
import org.rafclip.io.Safetensors;
import org.rafclip.nn.Lora;
import org.rafclip.weights.Dialect.Layout;

/**
 * Adapters of a model of ours as PEFT saves those of its base in Hugging Face's transformers, CLIP's or SigLIP's, which {@code
 * PeftModel.from_pretrained} loads and {@code model import --adapter} merges: {@code adapter_config.json} and {@code
 * adapter_model.safetensors}.
 */
public final class PeftAdapter {

    /** What PEFT's wrappers put before every name. */
    private static final String WRAPPED = "base_model.model.";

    private static final String WEIGHT = ".weight";

    private PeftAdapter() {}

    /**
     * Writes the adapters of a model folder into an existing folder.
     *
     * @param model that they make together with their base
     * @param trained the folder of a checkpoint of a training by adapters
     * @param base what the adapters were trained on, in words; may be empty
     * @throws DataException if the folder holds none, or transformers has no such model
     */
    public static void write(Path folder, ClipModel model, Path trained, String base) throws IOException {
        if (!Files.isRegularFile(trained.resolve(Adapters.CONFIG_FILE))) {
            throw new DataException(trained + " was not trained by adapters (train.lora), so it has none to hand on;"
                    + " export all weights by --format hf or openclip");
        }
        ClipConfig.Vision vision = model.config().vision();
        boolean siglip =
                vision.pool() == ClipConfig.Pool.ATTENTION && vision.stem().isEmpty();
        if (!siglip) {
            Dialect.HUGGING_FACE.describe(model.config(), model.tokenizer());
        }
        Layout layout = Layout.of(model.config());
        Adapters adapters = Adapters.read(trained);
        Map<String, INDArray> tensors = new LinkedHashMap<>();
        Set<String> modules = new LinkedHashSet<>();
        for (String layer : adapters.layers()) {
            String module = module(layer, layout);
            modules.add(module);
            for (String factor : List.of(Lora.A, Lora.B)) {
                tensors.put(WRAPPED + module + factor, adapters.tensors().get(layer + factor));
            }
        }
        adapters.tensors().forEach((name, tensor) -> {
            if (!Lora.isFactor(name)) {
                tensors.put(WRAPPED + name, siglip ? tensor.reshape(1) : tensor);
            }
        });
        Safetensors.write(folder.resolve("adapter_model.safetensors"), tensors, Map.of("format", "pt"));
        ObjectNode json = new ObjectMapper().createObjectNode();
        json.put("peft_type", "LORA").putNull("task_type").putNull("auto_mapping");
        json.put("base_model_name_or_path", base).putNull("revision").put("inference_mode", true);
        json.put("r", adapters.config().rank());
        double alpha = adapters.config().alphaOrRank();
        if (alpha == Math.rint(alpha)) {
            json.put("lora_alpha", (long) alpha);
        } else {
            json.put("lora_alpha", alpha);
        }
        json.put("lora_dropout", adapters.config().dropout());
        ArrayNode targets = json.putArray("target_modules");
        targets(modules, model, layout).forEach(targets::add);
        json.put("bias", "none").put("fan_in_fan_out", false).put("init_lora_weights", true);
        json.put("use_rslora", false).put("use_dora", false).putNull("modules_to_save");
        AtomicFiles.writeString(folder.resolve(LoraAdapter.CONFIG), json.toPrettyString() + "\n");
    }

    /** The name in transformers of a layer that is adapted. */
    private static String module(String layer, Layout layout) {
        String tensor = Dialect.HUGGING_FACE
                .recipe(Adapters.weightOf(layer), layout)
                .tensors()
                .get(Adapters.partOf(layer));
        return tensor.substring(0, tensor.length() - WEIGHT.length());
    }

    /** The modules' last names where they mean these modules and no others, otherwise whole names. */
    private static Set<String> targets(Set<String> modules, ClipModel model, Layout layout) {
        Set<String> last = modules.stream().map(PeftAdapter::lastName).collect(Collectors.toCollection(TreeSet::new));
        Set<String> meant = model.encoder().parameters().keySet().stream()
                .flatMap(parameter -> Dialect.HUGGING_FACE.recipe(parameter, layout).tensors().stream())
                .filter(tensor -> tensor.endsWith(WEIGHT))
                .map(tensor -> tensor.substring(0, tensor.length() - WEIGHT.length()))
                .filter(module -> last.contains(lastName(module)))
                .collect(Collectors.toSet());
        return meant.equals(modules) ? last : modules;
    }

    private static String lastName(String module) {
        return module.substring(module.lastIndexOf('.') + 1);
    }
}
