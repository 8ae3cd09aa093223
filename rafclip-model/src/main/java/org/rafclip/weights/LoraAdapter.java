package org.rafclip.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.rafclip.data.DataException;
import org.rafclip.io.TensorFiles;

/**
 * A LoRA adapter as PEFT saves it ({@code adapter_config.json} beside {@code adapter_model.safetensors} or {@code .bin}),
 * which is merged into the weights it was trained on: W + B·A·α/r, or α/√r where it is rank-stabilised (Hu et al. 2022,
 * Kalajdzievski 2023). Tensors that the adapter holds whole, such as those of {@code modules_to_save}, replace the base's.
 */
final class LoraAdapter implements AutoCloseable {

    static final String CONFIG = "adapter_config.json";

    private static final Pattern FACTOR =
            Pattern.compile("(.+)\\.lora_(embedding_)?([AB])(?:\\.default)?(?:\\.weight)?");

    /** Starts that change the base: the adapter fits what is left of it, not the published weights. */
    private static final Pattern CHANGES_THE_BASE = Pattern.compile("pissa.*|olora|corda|loftq");

    private final TensorFiles tensors;
    private final Keys config;
    private final Map<String, Factors> factors;
    private final Set<String> replaced;

    /** The adapter's names of A and B of a tensor of the base. */
    private record Factors(String module, boolean embedding, String a, String b) {}

    private LoraAdapter(TensorFiles tensors, Keys config, Map<String, Factors> factors, Set<String> replaced) {
        this.tensors = tensors;
        this.config = config;
        this.factors = factors;
        this.replaced = replaced;
    }

    /** Whether tensors are an adapter's. */
    static boolean isOne(TensorFiles tensors) {
        return tensors.names().stream().anyMatch(name -> FACTOR.matcher(name).matches());
    }

    /**
     * Opens an adapter and holds it against its base.
     *
     * @throws DataException if it is of another kind than LoRA, or a tensor of it has no place in the base
     */
    static LoraAdapter open(Path folder, TensorFiles base) throws IOException {
        Path file = folder.resolve(CONFIG);
        if (!Files.isRegularFile(file)) {
            throw new NoSuchFileException(
                    file.toString(), null, "--adapter takes the folder of a LoRA adapter that PEFT saved");
        }
        Keys config = new Keys(PretrainedClip.parse(file), file.toString(), "");
        requireUnderstood(config);
        TensorFiles tensors = TensorFiles.open(weights(folder));
        try {
            Map<String, Factors> factors = factors(tensors);
            Set<String> replaced = new TreeSet<>(tensors.names());
            replaced.removeIf(name -> FACTOR.matcher(name).matches());
            LoraAdapter adapter = new LoraAdapter(tensors, config, factors, replaced);
            adapter.requirePlaces(base);
            return adapter;
        } catch (RuntimeException | Error e) {
            tensors.close();
            throw e;
        }
    }

    private static Path weights(Path folder) {
        Path safe = folder.resolve("adapter_model.safetensors");
        return Files.exists(safe) ? safe : folder.resolve("adapter_model.bin");
    }

    private static void requireUnderstood(Keys config) {
        if (!config.text("peft_type", "LORA").equals("LORA")) {
            throw config.unlike("peft_type", "only LORA can be merged");
        }
        for (String key : List.of(
                "use_dora",
                "use_qalora",
                "fan_in_fan_out",
                "lora_bias",
                "layer_replication",
                "target_parameters",
                "megatron_config")) {
            JsonNode value = config.json().path(key);
            boolean off = value.isMissingNode()
                    || value.isNull()
                    || value.isBoolean() && !value.booleanValue()
                    || value.isContainerNode() && value.isEmpty();
            if (!off) {
                throw config.unlike(key, "such adapters cannot be merged; merge it in PEFT by merge_and_unload()");
            }
        }
        requireNumbers(config, "alpha_pattern", "a number", JsonNode::isNumber);
        requireNumbers(
                config,
                "rank_pattern",
                "a whole number from 1 on",
                value -> value.canConvertToInt() && value.isIntegralNumber() && value.intValue() > 0);
        if (CHANGES_THE_BASE
                .matcher(config.json().path("init_lora_weights").asText(""))
                .matches()) {
            throw config.unlike(
                    "init_lora_weights",
                    "it was trained on changed weights; save it in PEFT with path_initial_model_for_weight_conversion");
        }
    }

    /** Refuses a map from patterns of modules to what are no numbers, of which PEFT would make none either. */
    private static void requireNumbers(Keys config, String key, String wanted, Predicate<JsonNode> holds) {
        JsonNode patterns = config.json().path(key);
        if (patterns.isMissingNode() || patterns.isNull()) {
            return;
        }
        if (!patterns.isObject()) {
            throw config.unlike(key, "patterns of module names are needed, each with " + wanted);
        }
        Keys entries = config.object(key);
        patterns.properties().stream()
                .filter(entry -> !holds.test(entry.getValue()))
                .findFirst()
                .ifPresent(entry -> {
                    throw entries.unlike(
                            entry.getKey(), wanted + " is needed, as PEFT saves it: fetch the adapter again");
                });
    }

    private static Map<String, Factors> factors(TensorFiles tensors) {
        Map<String, Factors> factors = new LinkedHashMap<>();
        for (String name : tensors.names()) {
            Matcher matcher = FACTOR.matcher(name);
            if (matcher.matches()) {
                String module = matcher.group(1);
                boolean isA = matcher.group(3).equals("A");
                factors.merge(
                        module + ".weight",
                        new Factors(module, matcher.group(2) != null, isA ? name : null, isA ? null : name),
                        (x, y) -> new Factors(
                                module, x.embedding(), x.a() != null ? x.a() : y.a(), x.b() != null ? x.b() : y.b()));
            }
        }
        return factors;
    }

    private void requirePlaces(TensorFiles base) {
        factors.forEach((name, pair) -> {
            if (pair.a() == null || pair.b() == null) {
                throw new DataException(tensors.origin() + ": of " + pair.module() + " there is only "
                        + (pair.a() == null ? "lora_B" : "lora_A") + ": fetch the adapter again");
            }
            List<Long> shape = shape(base, name);
            List<Long> a = tensors.info(pair.a()).shape();
            List<Long> b = tensors.info(pair.b()).shape();
            boolean matrices =
                    a.size() >= 2 && b.size() >= 2 && b.stream().skip(2).allMatch(size -> size == 1);
            List<Long> delta = new ArrayList<>();
            if (matrices) {
                delta.addAll(a);
                delta.set(0, b.get(0));
                if (pair.embedding()) {
                    delta = List.of(a.get(1), b.get(0));
                }
            }
            if (!matrices || !a.get(0).equals(b.get(1)) || !delta.equals(shape)) {
                throw new DataException(tensors.origin() + ": lora_A " + a + " and lora_B " + b + " of " + pair.module()
                        + " do not fit the base's " + shape + ": merge the adapter into the model it was trained on"
                        + named());
            }
        });
        for (String name : replaced) {
            if (!tensors.info(name).shape().equals(shape(base, name))) {
                throw new DataException(tensors.origin() + ": tensor '" + name + "' has the shape "
                        + tensors.info(name).shape() + ", the base's has "
                        + base.info(name).shape()
                        + ": merge the adapter into the model it was trained on" + named());
            }
        }
    }

    private List<Long> shape(TensorFiles base, String name) {
        if (!base.names().contains(name)) {
            boolean otherForm = name.matches("(vision|text)_model\\..*") && !Dialect.HUGGING_FACE.speaks(base.names());
            throw new DataException(tensors.origin() + ": it changes '" + name + "', which " + base.origin()
                    + " does not have: "
                    + (otherForm
                            ? "its names are those of transformers; bring the base into that form by model import and"
                                    + " model export --format hf"
                            : "merge the adapter into the model it was trained on" + named()));
        }
        return base.info(name).shape();
    }

    private String named() {
        String name = base();
        return name.isEmpty() ? "" : ", " + name;
    }

    /** What the adapter says it was trained on; may be empty. */
    String base() {
        return config.text("base_model_name_or_path", "");
    }

    /** How many of the base's tensors it changes. */
    int size() {
        return factors.size() + replaced.size();
    }

    /** Everything that was read. */
    List<Path> files() {
        List<Path> files = new ArrayList<>(tensors.files());
        files.add(Path.of(config.origin()));
        return files;
    }

    /** A tensor of the base with what the adapter adds to it; the given one is closed where it is replaced. */
    INDArray merged(String name, INDArray tensor) throws IOException {
        if (replaced.contains(name)) {
            tensor.close();
            return tensors.read(name);
        }
        Factors pair = factors.get(name);
        if (pair == null) {
            return tensor;
        }
        try (INDArray a = matrix(pair.a());
                INDArray b = matrix(pair.b());
                INDArray product = b.mmul(a)) {
            product.muli(alpha(pair.module()) / scale(a.size(0)));
            INDArray delta =
                    pair.embedding() ? product.transpose() : product.dup('c').reshape(tensor.shape());
            tensor.addi(delta.castTo(tensor.dataType()));
        }
        return tensor;
    }

    private INDArray matrix(String name) throws IOException {
        INDArray read = tensors.read(name);
        INDArray real = read.castTo(DataType.FLOAT);
        return real.reshape(real.size(0), real.length() / real.size(0));
    }

    private double scale(long rank) {
        return config.flag("use_rslora") ? Math.sqrt(rank) : rank;
    }

    /** Patterns are of a module's last names; the first that fits holds, as in PEFT. */
    private double alpha(String module) {
        double usual = config.number("lora_alpha", 8);
        return config.json().path("alpha_pattern").properties().stream()
                .filter(entry -> matches(entry.getKey(), module))
                .findFirst()
                .map(entry -> entry.getValue().doubleValue())
                .orElse(usual);
    }

    private boolean matches(String pattern, String module) {
        try {
            return Pattern.matches("(.*\\.)?(" + pattern + ")", module);
        } catch (PatternSyntaxException e) {
            throw new DataException(config.origin() + ": alpha_pattern has '" + pattern + "', which is no pattern", e);
        }
    }

    @Override
    public void close() throws IOException {
        tensors.close();
    }
}
