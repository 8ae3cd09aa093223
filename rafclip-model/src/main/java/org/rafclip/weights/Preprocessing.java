package org.rafclip.weights;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Map;
import java.util.Set;
import org.rafclip.data.DataException;
import org.rafclip.data.prepare.Channels;
import org.rafclip.data.prepare.Fill;
import org.rafclip.data.prepare.Interpolation;
import org.rafclip.data.prepare.Normalization;

/**
 * How published models prepare photos, as steps of {@link org.rafclip.data.prepare.Preparation}: OpenCLIP's
 * {@code preprocess_cfg} and transformers' {@code preprocessor_config.json}. What cannot be followed is refused by its key.
 */
final class Preprocessing {

    private static final Set<String> OPEN_CLIP =
            Set.of("size", "mode", "mean", "std", "interpolation", "resize_mode", "fill_color");

    private static final Set<String> HUGGING_FACE = Set.of(
            "image_processor_type",
            "feature_extractor_type",
            "do_resize",
            "size",
            "resample",
            "do_center_crop",
            "crop_size",
            "do_rescale",
            "rescale_factor",
            "do_normalize",
            "image_mean",
            "image_std");

    /** Keys that change nothing for a color photo of eight bits. */
    private static final Set<String> HARMLESS = Set.of(
            "processor_class",
            "data_format",
            "input_data_format",
            "return_tensors",
            "device",
            "disable_grouping",
            "do_convert_rgb",
            "auto_map",
            "_valid_processor_keys");

    /** Pillow's numbers of its filters. */
    static final Map<Integer, Interpolation> PILLOW =
            Map.of(1, Interpolation.LANCZOS, 2, Interpolation.BILINEAR, 3, Interpolation.BICUBIC);

    private static final Normalization HALVES =
            new Normalization(new Channels(0.5f, 0.5f, 0.5f), new Channels(0.5f, 0.5f, 0.5f));

    private final Keys keys;
    private final int imageSize;

    private Preprocessing(Keys keys, int imageSize) {
        this.keys = keys;
        this.imageSize = imageSize;
    }

    /**
     * OpenCLIP's evaluation transform.
     *
     * @param config {@code preprocess_cfg}
     * @param imageSize the model's, in pixels a side
     */
    static String ofOpenClip(Keys config, int imageSize) {
        Preprocessing read = new Preprocessing(config, imageSize);
        read.requireOnly(OPEN_CLIP);
        return read.openClip();
    }

    /**
     * Transformers' image processor.
     *
     * @param config all of {@code preprocessor_config.json}
     * @param imageSize the model's, in pixels a side
     */
    static String ofHuggingFace(Keys config, int imageSize) {
        Preprocessing read = new Preprocessing(config, imageSize);
        read.requireOnly(HUGGING_FACE);
        return read.huggingFace();
    }

    private String openClip() {
        if (keys.count("size", imageSize) != imageSize) {
            throw unlike("size", "the model takes " + imageSize);
        }
        if (!keys.text("mode", "RGB").equals("RGB")) {
            throw unlike("mode", "photos are RGB");
        }
        Interpolation interpolation = switch (keys.text("interpolation", "bicubic")) {
            // "random" is so in training only.
            case "bicubic", "random" -> Interpolation.BICUBIC;
            case "bilinear" -> Interpolation.BILINEAR;
            default -> throw unlike("interpolation", "bicubic and bilinear can be followed");
        };
        String steps = switch (keys.text("resize_mode", "shortest")) {
            case "shortest" -> step("resize", imageSize, interpolation) + " | " + centerCrop("");
            case "longest" -> step("fit", imageSize, interpolation) + " | pad-square(" + fill() + ")";
            case "squash" -> step("squash", imageSize, interpolation);
            default -> throw unlike("resize_mode", "shortest, longest and squash can be followed");
        };
        // Squares come out of both at the model's size, which a pipeline says by its last step.
        return steps + (steps.contains("pad-square") ? " | " + centerCrop("") : "") + " | "
                + normalization("mean", "std", Normalization.CLIP);
    }

    private Fill fill() {
        JsonNode value = keys.json().path("fill_color");
        JsonNode first = value.isArray() ? value.path(0) : value;
        JsonNode second = value.isArray() ? value.path(1) : value;
        JsonNode third = value.isArray() ? value.path(2) : value;
        if (value.isMissingNode() || value.isNull()) {
            return Fill.BLACK;
        }
        if (!first.isInt() || !second.isInt() || !third.isInt() || value.isArray() && value.size() != 3) {
            throw unlike("fill_color", "a gray value or three of 0 to 255 can be followed");
        }
        try {
            return new Fill(first.intValue(), second.intValue(), third.intValue());
        } catch (IllegalArgumentException e) {
            throw unlike("fill_color", e.getMessage());
        }
    }

    private String huggingFace() {
        String type = keys.text("image_processor_type", keys.text("feature_extractor_type", "CLIPImageProcessor"));
        String family = type.replaceFirst("(ImageProcessor(Fast|Pil)?|FeatureExtractor)$", "");
        if (!Set.of("CLIP", "ChineseCLIP", "Siglip", "ViT").contains(family)) {
            throw unlike(
                    keys.json().has("image_processor_type") ? "image_processor_type" : "feature_extractor_type",
                    "those of CLIP, SigLIP and ViT can be followed");
        }
        boolean cuts = family.endsWith("CLIP");
        int resample = (int) keys.number("resample", family.equals("ViT") ? 2 : 3);
        Interpolation interpolation = PILLOW.get(resample);
        if (interpolation == null) {
            throw unlike("resample", "1 (lanczos), 2 (bilinear) and 3 (bicubic) can be followed");
        }
        if (!flag("do_rescale", true) || Math.abs(keys.number("rescale_factor", 1 / 255.0) * 255 - 1) > 1e-6) {
            throw unlike(
                    flag("do_rescale", true) ? "rescale_factor" : "do_rescale", "pixels become shares of 255 here");
        }
        StringBuilder steps = new StringBuilder();
        if (flag("do_resize", true)) {
            steps.append(resized(cuts, interpolation)).append(" | ");
        }
        if (flag("do_center_crop", cuts)) {
            requireModels("crop_size", side(keys.json().path("crop_size"), "crop_size", 224));
            steps.append(centerCrop(", down")).append(" | ");
        }
        if (steps.isEmpty()) {
            throw unlike("do_resize", "photos of any size are to become " + imageSize + " pixels a side");
        }
        Normalization none = new Normalization(new Channels(0, 0, 0), new Channels(1, 1, 1));
        return steps
                + (flag("do_normalize", true)
                        ? normalization("image_mean", "image_std", cuts ? Normalization.CLIP : HALVES)
                        : none.toString());
    }

    private String resized(boolean byShortEdge, Interpolation interpolation) {
        JsonNode size = keys.json().path("size");
        boolean absent = size.isMissingNode() || size.isNull();
        boolean shortEdge = size.isObject() ? size.has("shortest_edge") : byShortEdge;
        if (size.has("longest_edge")) {
            throw unlike("size", "a longest edge cannot be followed");
        }
        if (shortEdge) {
            int edge = absent ? 224 : count(size.isObject() ? size.path("shortest_edge") : size, "size");
            if (!flag("do_center_crop", byShortEdge)) {
                throw unlike("do_center_crop", "photos that are not square would not come out so");
            }
            return step("resize", edge, interpolation);
        }
        int edge = absent ? 224 : side(size, "size", 224);
        if (!flag("do_center_crop", byShortEdge)) {
            requireModels("size", edge);
        }
        return step("squash", edge, interpolation);
    }

    /** The side of a square, given as one number or as two equal ones. */
    private int side(JsonNode value, String key, int otherwise) {
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (value.isObject()) {
            if (!value.path("height").equals(value.path("width"))) {
                throw unlike(key, "images are square");
            }
            return count(value.path("height"), key);
        }
        return count(value, key);
    }

    private int count(JsonNode value, String key) {
        if (!value.isInt() || value.intValue() < 1 || value.intValue() > 8192) {
            throw unlike(key, "a whole number of pixels is needed");
        }
        return value.intValue();
    }

    private void requireModels(String key, int size) {
        if (size != imageSize) {
            throw unlike(key, "the model takes " + imageSize);
        }
    }

    private boolean flag(String key, boolean otherwise) {
        JsonNode value = keys.json().path(key);
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isBoolean()) {
            throw unlike(key, "true or false is needed");
        }
        return value.booleanValue();
    }

    private static String step(String name, int size, Interpolation interpolation) {
        return name + "(" + size + (interpolation == Interpolation.BICUBIC ? "" : ", " + interpolation) + ")";
    }

    private String centerCrop(String rounding) {
        return "center-crop(" + imageSize + rounding + ")";
    }

    private String normalization(String mean, String std, Normalization otherwise) {
        try {
            return new Normalization(channels(mean, otherwise.mean()), channels(std, otherwise.std())).toString();
        } catch (IllegalArgumentException e) {
            throw unlike(std, e.getMessage());
        }
    }

    private Channels channels(String key, Channels otherwise) {
        JsonNode value = keys.json().path(key);
        if (value.isMissingNode() || value.isNull()) {
            return otherwise;
        }
        if (!value.isArray()
                || value.size() != 3
                || !value.get(0).isNumber()
                || !value.get(1).isNumber()
                || !value.get(2).isNumber()) {
            throw unlike(key, "three numbers are needed");
        }
        return new Channels(
                (float) value.get(0).doubleValue(), (float) value.get(1).doubleValue(), (float)
                        value.get(2).doubleValue());
    }

    private void requireOnly(Set<String> read) {
        for (Map.Entry<String, JsonNode> entry : keys.json().properties()) {
            JsonNode value = entry.getValue();
            boolean off = value.isNull()
                    || value.isBoolean() && !value.booleanValue()
                    || value.isContainerNode() && value.isEmpty();
            if (!off && !read.contains(entry.getKey()) && !HARMLESS.contains(entry.getKey())) {
                throw unlike(entry.getKey(), "what it does to photos is not known here");
            }
        }
    }

    private DataException unlike(String key, String why) {
        return new DataException(keys.unlike(key, why).getMessage()
                + "; or say the steps yourself by --preparation (./rafclip data steps)");
    }
}
