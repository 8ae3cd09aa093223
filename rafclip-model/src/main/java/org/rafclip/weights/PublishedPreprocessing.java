package org.rafclip.weights;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.rafclip.data.DataException;
import org.rafclip.data.prepare.Channels;
import org.rafclip.data.prepare.Fill;
import org.rafclip.data.prepare.Interpolation;
import org.rafclip.data.prepare.Normalization;
import org.rafclip.data.prepare.Preparation;
import org.rafclip.data.prepare.Rounding;
import org.rafclip.data.prepare.Step;
import org.rafclip.data.prepare.Step.CenterCrop;
import org.rafclip.data.prepare.Step.Fit;
import org.rafclip.data.prepare.Step.PadSquare;
import org.rafclip.data.prepare.Step.Resize;
import org.rafclip.data.prepare.Step.Squash;

/**
 * How a model's photos are prepared, in the words of those who read it: the reverse of {@link Preprocessing}.
 *
 * @param json {@code preprocess_cfg}, or all of {@code preprocessor_config.json}
 * @param steps that they make of it
 * @param notes how these differ from the model's own by a pixel
 */
record PublishedPreprocessing(ObjectNode json, Preparation steps, List<String> notes) {

    /**
     * OpenCLIP's evaluation transform.
     *
     * @throws DataException if it has no such steps
     */
    static PublishedPreprocessing openClip(Preparation preparation, int imageSize) {
        Writer writer = new Writer("OpenCLIP", preparation, Rounding.EVEN);
        ObjectNode json = writer.json.put("size", imageSize).put("mode", "RGB");
        if (writer.is(Squash.class)) {
            json.put("resize_mode", "squash");
            writer.putInterpolation(((Squash) writer.first()).interpolation());
        } else if (writer.is(Resize.class, CenterCrop.class) && ((Resize) writer.first()).size() == imageSize) {
            json.put("resize_mode", "shortest");
            writer.putInterpolation(((Resize) writer.first()).interpolation());
        } else if (writer.is(Fit.class, PadSquare.class, CenterCrop.class)
                && ((Fit) writer.first()).size() == imageSize) {
            Fill fill = ((PadSquare) preparation.steps().get(1)).fill();
            json.put("resize_mode", "longest");
            json.putArray("fill_color").add(fill.red()).add(fill.green()).add(fill.blue());
            writer.putInterpolation(((Fit) writer.first()).interpolation());
        } else {
            throw writer.refused();
        }
        return writer.finish("mean", "std");
    }

    /**
     * Transformers' {@code CLIPImageProcessor}.
     *
     * @throws DataException if it has no such steps
     */
    static PublishedPreprocessing huggingFace(Preparation preparation, int imageSize) {
        Writer writer = new Writer("transformers' CLIPImageProcessor", preparation, Rounding.DOWN);
        ObjectNode json = writer.json
                .put("image_processor_type", "CLIPImageProcessor")
                .put("do_convert_rgb", true)
                .put("do_resize", true);
        Interpolation interpolation;
        if (writer.is(Squash.class)) {
            interpolation = ((Squash) writer.first()).interpolation();
            json.putObject("size").put("height", imageSize).put("width", imageSize);
            json.put("do_center_crop", false);
        } else if (writer.is(Resize.class, CenterCrop.class)) {
            Resize resize = (Resize) writer.first();
            interpolation = resize.interpolation();
            json.putObject("size").put("shortest_edge", resize.size());
            json.put("do_center_crop", true);
        } else {
            throw writer.refused();
        }
        json.putObject("crop_size").put("height", imageSize).put("width", imageSize);
        json.put(
                "resample",
                Preprocessing.PILLOW.entrySet().stream()
                        .filter(filter -> filter.getValue() == interpolation)
                        .map(Map.Entry::getKey)
                        .findFirst()
                        .orElseThrow());
        json.put("do_rescale", true).put("rescale_factor", 1 / 255.0).put("do_normalize", true);
        return writer.finish("image_mean", "image_std");
    }

    private static final class Writer {
        private final String code;
        private final Preparation preparation;
        private final Rounding rounding;
        private final ObjectNode json = new ObjectMapper().createObjectNode();

        Writer(String code, Preparation preparation, Rounding rounding) {
            this.code = code;
            this.preparation = preparation;
            this.rounding = rounding;
        }

        @SafeVarargs
        final boolean is(Class<? extends Step>... kinds) {
            List<Step> steps = preparation.steps();
            boolean same = steps.size() == kinds.length;
            for (int i = 0; same && i < kinds.length; i++) {
                same = kinds[i].isInstance(steps.get(i));
            }
            return same;
        }

        Step first() {
            return preparation.steps().get(0);
        }

        void putInterpolation(Interpolation interpolation) {
            if (interpolation == Interpolation.LANCZOS) {
                throw refused();
            }
            json.put("interpolation", interpolation.toString());
        }

        PublishedPreprocessing finish(String mean, String std) {
            Normalization last = preparation.normalization().orElseThrow(this::refused);
            put(json.putArray(mean), last.mean());
            put(json.putArray(std), last.std());
            List<Step> steps = new ArrayList<>(preparation.steps());
            List<String> notes = new ArrayList<>();
            for (int i = 0; i < steps.size(); i++) {
                if (steps.get(i) instanceof CenterCrop crop && crop.rounding() != rounding) {
                    steps.set(i, new CenterCrop(crop.size(), rounding));
                    notes.add(code
                            + " cuts the middle out of photos one pixel away where rows or columns cannot be shared"
                            + " out evenly: it rounds as center-crop(..., " + rounding + ").");
                }
            }
            return new PublishedPreprocessing(json, new Preparation(steps, Optional.of(last)), List.copyOf(notes));
        }

        private static void put(ArrayNode array, Channels channels) {
            for (float channel : new float[] {channels.red(), channels.green(), channels.blue()}) {
                array.add(new BigDecimal(Float.toString(channel)));
            }
        }

        DataException refused() {
            return new DataException(code + " cannot prepare photos by \"" + preparation
                    + "\": say by --preparation what is nearest to it, such as 'squash(SIZE) | normalize(clip)' or"
                    + " 'resize(SIZE) | center-crop(SIZE) | normalize(clip)'");
        }
    }
}
