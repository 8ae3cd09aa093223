package org.rafclip.data.prepare;

import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.RecordComponent;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.StringJoiner;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.rafclip.data.DataException;
import org.rafclip.data.image.Dimensions;

/**
 * The text form of preparations: steps by name, separated by {@code |}, arguments in parentheses by position or as
 * {@code name=value}. A step's record says what its arguments are called, and of which type.
 */
final class Grammar {

    private static final Range SCALE = new Range(0.08, 1);

    private static final List<Word> WORDS = List.of(
            new Word("crop", "cuts the garment's box out, with a margin in shares of its sides", Step.Crop.class, 0.0),
            new Word(
                    "jitter-box",
                    "moves and scales the garment's box at random, before crop",
                    Step.JitterBox.class,
                    0.1,
                    new Range(0.8, 1.25)),
            new Word("mask", "paints over everything outside the garment's mask", Step.MaskOut.class, Fill.MEAN),
            new Word(
                    "target-pad",
                    "pads the short side until long : short is at most the ratio",
                    Step.TargetPad.class,
                    1.25,
                    Fill.BLACK),
            new Word("pad-square", "pads the short side to the long one", Step.PadSquare.class, Fill.BLACK),
            new Word("resize", "brings the short side to a size", Step.Resize.class, null, Interpolation.BICUBIC),
            new Word("fit", "brings the long side to a size", Step.Fit.class, null, Interpolation.BICUBIC),
            new Word("squash", "brings both sides to a size", Step.Squash.class, null, Interpolation.BICUBIC),
            new Word("center-crop", "cuts the middle out", Step.CenterCrop.class, null, Rounding.EVEN),
            new Word("random-crop", "cuts a window out at a random place", Step.RandomCrop.class, (Object) null),
            new Word(
                    "random-resized-crop",
                    "cuts a window of random area and shape out and resizes it",
                    Step.RandomResizedCrop.class,
                    null,
                    SCALE,
                    new Range(0.75, 4 / 3.0)),
            new Word("flip", "mirrors left and right", Step.Flip.class, 0.5),
            new Word(
                    "color-jitter",
                    "changes brightness, contrast and saturation at random",
                    Step.ColorJitter.class,
                    0.4,
                    0.4,
                    0.4),
            new Word(
                    "random-erasing",
                    "paints over a random rectangle",
                    Step.RandomErasing.class,
                    0.5,
                    new Range(0.02, 0.33),
                    new Range(0.3, 3.3),
                    Fill.MEAN),
            new Word(
                    "normalize",
                    "ends the pipeline: (value / 255 - mean) / std, channels first",
                    Normalization.class,
                    Normalization.CLIP.mean(),
                    Normalization.CLIP.std()));

    private static final Pattern CALL = Pattern.compile("([^()]*?)\\s*(?:\\(([^()]*)\\))?");

    private Grammar() {}

    /**
     * A name and what it makes.
     *
     * @param does what it does, for lists of steps
     * @param defaults one for each record component; null where the text has to say
     */
    private record Word(String name, String does, Class<? extends Record> type, Object... defaults) {

        @Override
        public String toString() {
            RecordComponent[] components = type.getRecordComponents();
            StringJoiner arguments = new StringJoiner(", ", "(", ")");
            for (int i = 0; i < components.length; i++) {
                arguments.add(components[i].getName() + (defaults[i] == null ? "" : "=" + format(defaults[i])));
            }
            return type == Normalization.class
                    ? "normalize(clip) or normalize(mean=r/g/b, std=r/g/b)"
                    : name + arguments;
        }
    }

    static List<Preparation.StepForm> forms() {
        return WORDS.stream()
                .map(word -> new Preparation.StepForm(word.toString(), word.does))
                .toList();
    }

    static Preparation parse(String text) {
        List<Step> steps = new ArrayList<>();
        Optional<Normalization> normalization = Optional.empty();
        for (String call : text.split("\\|", -1)) {
            try {
                if (normalization.isPresent()) {
                    throw new IllegalArgumentException("comes after normalize, which has to be the last");
                }
                Record made = make(call.strip());
                if (made instanceof Normalization last) {
                    normalization = Optional.of(last);
                } else {
                    steps.add((Step) made);
                }
            } catch (IllegalArgumentException e) {
                throw new DataException(
                        "preparation \"" + text + "\": step \"" + call.strip() + "\" " + e.getMessage() + "; steps are "
                                + WORDS.stream().map(Word::toString).collect(Collectors.joining(" | ")),
                        e);
            }
        }
        try {
            return new Preparation(steps, normalization);
        } catch (IllegalArgumentException e) {
            throw new DataException("preparation \"" + text + "\": " + e.getMessage(), e);
        }
    }

    private static Record make(String call) {
        Matcher matcher = CALL.matcher(call);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("is not written as name(argument, argument)");
        }
        Word word = WORDS.stream()
                .filter(w -> w.name.equals(matcher.group(1)))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException("is not known"));
        String list = matcher.group(2) == null ? "" : matcher.group(2).strip();
        if (word.type == Normalization.class && list.equals("clip")) {
            return Normalization.CLIP;
        }
        String[] arguments = list.isEmpty() ? new String[0] : list.split(",", -1);
        RecordComponent[] components = word.type.getRecordComponents();
        Object[] values = word.defaults.clone();
        boolean[] given = new boolean[values.length];
        for (int i = 0; i < arguments.length; i++) {
            int equals = arguments[i].indexOf('=');
            int index = equals < 0
                    ? i
                    : indexOf(components, arguments[i].substring(0, equals).strip());
            if (index >= values.length) {
                throw new IllegalArgumentException("has more arguments than " + values.length);
            }
            String name = components[index].getName();
            if (given[index]) {
                throw new IllegalArgumentException("gives " + name + " twice");
            }
            given[index] = true;
            String value = arguments[i].substring(equals + 1).strip();
            try {
                values[index] = convert(value, components[index].getType());
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "has a bad argument: " + name + " \"" + value + "\" " + e.getMessage(), e);
            }
        }
        for (int i = 0; i < values.length; i++) {
            if (values[i] == null) {
                throw new IllegalArgumentException("lacks its argument " + components[i].getName());
            }
        }
        return construct(word.type, components, values);
    }

    private static int indexOf(RecordComponent[] components, String name) {
        for (int i = 0; i < components.length; i++) {
            if (components[i].getName().equals(name)) {
                return i;
            }
        }
        throw new IllegalArgumentException("has no argument " + name);
    }

    private static Object convert(String value, Class<?> type) {
        if (type == int.class) {
            return wholeNumber(value);
        }
        if (type == double.class) {
            try {
                return Double.valueOf(value);
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("is not a number", e);
            }
        }
        if (type == Range.class) {
            return Range.parse(value);
        }
        if (type == Fill.class) {
            return Fill.parse(value);
        }
        if (type == Channels.class) {
            return Channels.parse(value);
        }
        if (type.isEnum()) {
            return Arrays.stream(type.getEnumConstants())
                    .filter(constant -> constant.toString().equals(value))
                    .findFirst()
                    .orElseThrow(() -> new IllegalArgumentException("is none of "
                            + Arrays.stream(type.getEnumConstants())
                                    .map(Object::toString)
                                    .collect(Collectors.joining(", "))));
        }
        if (type == Dimensions.class) {
            int cross = value.indexOf('x');
            int width = wholeNumber(cross < 0 ? value : value.substring(0, cross));
            int height = cross < 0 ? width : wholeNumber(value.substring(cross + 1));
            if (width < 1 || width > 8192 || height < 1 || height > 8192) {
                throw new IllegalArgumentException("is not 1 to 8192 pixels");
            }
            return new Dimensions(width, height);
        }
        throw new IllegalStateException("no text form of " + type);
    }

    private static int wholeNumber(String value) {
        try {
            return Integer.parseInt(value);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException("is not a whole number", e);
        }
    }

    private static Record construct(Class<? extends Record> type, RecordComponent[] components, Object[] values) {
        Class<?>[] types =
                Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new);
        try {
            return type.getDeclaredConstructor(types).newInstance(values);
        } catch (InvocationTargetException e) {
            if (e.getCause() instanceof IllegalArgumentException refusal) {
                throw new IllegalArgumentException("has a bad argument: " + refusal.getMessage(), refusal);
            }
            throw new IllegalStateException(e);
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
    }

    /**
     * A step with all its arguments, as {@link #parse} reads it; but for names that are the usual ones, so that what was
     * kept before there was a choice keeps its name.
     */
    static String format(Step step) {
        Class<?> type = step.getClass();
        Word word = WORDS.stream().filter(w -> w.type == type).findFirst().orElseThrow();
        StringJoiner arguments = new StringJoiner(", ", "(", ")");
        try {
            RecordComponent[] components = type.getRecordComponents();
            for (int i = 0; i < components.length; i++) {
                Object value = components[i].getAccessor().invoke(step);
                if (!(value instanceof Enum) || value != word.defaults[i]) {
                    arguments.add(components[i].getName() + "=" + format(value));
                }
            }
        } catch (ReflectiveOperationException e) {
            throw new IllegalStateException(e);
        }
        return word.name + arguments;
    }

    static String format(Object value) {
        if (value instanceof Double number && number == Math.rint(number) && Math.abs(number) < 1e9) {
            return Long.toString(number.longValue());
        }
        if (value instanceof Dimensions size) {
            return size.width() == size.height() ? "" + size.width() : size.width() + "x" + size.height();
        }
        return value.toString();
    }
}
