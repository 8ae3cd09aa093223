package org.rafclip.run;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.Version;
import com.fasterxml.jackson.core.exc.InputCoercionException;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.PropertyNamingStrategies;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.cfg.MapperConfig;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.introspect.AnnotatedClass;
import com.fasterxml.jackson.databind.introspect.AnnotationIntrospectorPair;
import com.fasterxml.jackson.databind.introspect.JacksonAnnotationIntrospector;
import com.fasterxml.jackson.databind.introspect.NopAnnotationIntrospector;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLFactory;
import com.fasterxml.jackson.dataformat.yaml.YAMLGenerator;
import com.fasterxml.jackson.dataformat.yaml.YAMLParser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.ParameterizedType;
import java.lang.reflect.RecordComponent;
import java.lang.reflect.Type;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.rafclip.data.SystemText;
import org.rafclip.data.TextFile;
import org.rafclip.data.WrongFile;
import org.rafclip.io.Sha256;

/**
 * Reads one YAML file into a tree of Java records, strictly, and writes it back.
 *
 * <p>Keys are the kebab-case names of the record components ({@code batchSize} is {@code batch-size}); enum values are
 * written the same way. A component's value comes from, in this order: the last override that names it, the file,
 * {@link Default}. An unknown key, a missing required key, a value of the wrong type, a key given twice and a value the
 * record's own constructor refuses are all a {@link ConfigException} that names the place, the key's full path and, for
 * a misspelt key, the nearest known ones.
 *
 * <p>Validation belongs to the records: a compact constructor throws {@link IllegalArgumentException} with a message
 * such as {@code "batch-size must be at least 1, not 0"}; the section's path and origin are put before it. Rules across
 * sections belong to the root record.
 *
 * <p>Paths are taken as written, so a relative path is relative to the working directory, never to the file.
 */
public final class Configs {

    private static final ObjectMapper YAML = mapper(new ObjectMapper(YAMLFactory.builder()
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(YAMLParser.Feature.EMPTY_STRING_AS_NULL)
            .enable(YAMLParser.Feature.PARSE_BOOLEAN_LIKE_WORDS_AS_STRINGS)
            .enable(YAMLGenerator.Feature.MINIMIZE_QUOTES)
            .enable(YAMLGenerator.Feature.ALWAYS_QUOTE_NUMBERS_AS_STRINGS)
            .disable(YAMLGenerator.Feature.WRITE_DOC_START_MARKER)
            .disable(YAMLGenerator.Feature.SPLIT_LINES)
            .build()));

    private static final ObjectMapper JSON = mapper(new ObjectMapper());

    /**
     * One key that a configuration type knows.
     *
     * @param path dotted path from the root, e.g. {@code train.batch-size}
     * @param type the value in words, e.g. {@code a whole number}
     * @param defaultValue as YAML, or null where the key is required
     */
    public record Key(String path, String type, String defaultValue) {}

    private Configs() {}

    /**
     * Reads a configuration file.
     *
     * @param file YAML, one document, a map of keys
     * @param overrides {@code key.path=value} each, the value parsed as YAML; later ones win
     * @param type a record
     * @throws ConfigException as the class description says; also for a file that does not exist
     */
    public static <T extends Record> T load(Path file, List<String> overrides, Class<T> type) {
        try {
            return parse(TextFile.text(file), file.toString(), overrides, type);
        } catch (NoSuchFileException e) {
            Path ours = Path.of(System.getProperty("rafclip.home", "."))
                    .toAbsolutePath()
                    .normalize()
                    .resolve(file);
            throw new ConfigException(file + ": there is no such configuration file (working directory "
                    + Path.of("").toAbsolutePath() + ")"
                    + (Files.isRegularFile(ours) ? "; the project's own is " + ours : ""));
        } catch (IOException e) {
            throw new ConfigException(
                    file + ": " + WrongFile.describe(file).orElse("cannot be read as UTF-8 text: " + e), e);
        }
    }

    /**
     * Reads a configuration from text.
     *
     * @param yaml the document
     * @param name what errors call it, usually the file's name
     * @see #load
     */
    public static <T extends Record> T parse(String yaml, String name, List<String> overrides, Class<T> type) {
        Source source = new Source(name, type);
        ObjectNode root = source.document(yaml);
        for (String override : overrides) {
            source.override(root, override);
        }
        return source.bind(source.complete(type, root, ""));
    }

    /** Every key of a configuration type in declaration order, for help texts and references; none that {@link Without} names. */
    public static List<Key> keys(Class<? extends Record> type) {
        List<Key> keys = new ArrayList<>();
        collect(type, "", Set.of(), keys);
        return keys;
    }

    /** The configuration with every default filled in; {@link #parse} reads it back to an equal record. */
    public static String toYaml(Record config) {
        try {
            return YAML.writeValueAsString(config);
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException(
                    "cannot write " + config.getClass().getSimpleName() + " as YAML: " + e.getOriginalMessage(), e);
        }
    }

    /** The configuration as a JSON tree with the same keys as its YAML. */
    public static JsonNode toTree(Record config) {
        return JSON.valueToTree(config);
    }

    /**
     * Names a configuration by its content: the same values give the same fingerprint whatever the order of keys in the
     * file, the comments, and whether a value was written or came from a default.
     *
     * @return SHA-256 of the canonical JSON (sorted keys, no blanks, UTF-8), 64 hexadecimal digits
     */
    public static String fingerprint(Record config) {
        try {
            return Sha256.of(JSON.writeValueAsString(sorted(toTree(config))));
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * A key under which two configurations hold different values.
     *
     * @param first the one's value in words, empty where it has none
     * @param second the other's
     */
    public record Difference(String key, String first, String second) {}

    /** The keys under which two configurations differ, in the order of their declaration. */
    public static List<Difference> differences(Record first, Record second) {
        List<Difference> differences = new ArrayList<>();
        differences("", toTree(first), toTree(second), differences);
        return differences;
    }

    private static void differences(String key, JsonNode first, JsonNode second, List<Difference> differences) {
        if (!first.isObject() || !second.isObject()) {
            if (!first.equals(second)) {
                differences.add(new Difference(key, text(first), text(second)));
            }
            return;
        }
        Set<String> keys = new LinkedHashSet<>();
        first.fieldNames().forEachRemaining(keys::add);
        second.fieldNames().forEachRemaining(keys::add);
        for (String next : keys) {
            differences(Source.join(key, next), first.path(next), second.path(next), differences);
        }
    }

    private static String text(JsonNode value) {
        return value.isValueNode() ? value.asText() : value.toString();
    }

    private static JsonNode sorted(JsonNode node) {
        if (node instanceof ObjectNode object) {
            ObjectNode copy = JsonNodeFactory.instance.objectNode();
            Set<String> names = new TreeSet<>();
            object.fieldNames().forEachRemaining(names::add);
            names.forEach(name -> copy.set(name, sorted(object.get(name))));
            return copy;
        }
        if (node instanceof ArrayNode array) {
            ArrayNode copy = JsonNodeFactory.instance.arrayNode();
            array.forEach(element -> copy.add(sorted(element)));
            return copy;
        }
        return node;
    }

    private static ObjectMapper mapper(ObjectMapper mapper) {
        SimpleModule paths = new SimpleModule();
        paths.addSerializer(Path.class, new JsonSerializer<>() {
            @Override
            public void serialize(Path path, JsonGenerator out, SerializerProvider provider) throws IOException {
                out.writeString(path.toString());
            }
        });
        paths.addDeserializer(Path.class, new JsonDeserializer<>() {
            @Override
            public Path deserialize(JsonParser in, DeserializationContext context) throws IOException {
                if (!in.hasToken(JsonToken.VALUE_STRING) || in.getText().isBlank()) {
                    return (Path) context.handleUnexpectedToken(Path.class, in);
                }
                try {
                    return Path.of(in.getText());
                } catch (InvalidPathException e) {
                    throw new IllegalArgumentException(
                            "'" + in.getText() + "' "
                                    + SystemText.fault(in.getText()).orElse("is no path"),
                            e);
                }
            }
        });
        mapper.registerModule(paths);
        mapper.setPropertyNamingStrategy(PropertyNamingStrategies.KEBAB_CASE);
        mapper.setAnnotationIntrospector(
                new AnnotationIntrospectorPair(new JacksonAnnotationIntrospector(), new KebabEnums()));
        mapper.enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES);
        mapper.enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);
        mapper.enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS);
        mapper.disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT);
        mapper.disable(SerializationFeature.FAIL_ON_EMPTY_BEANS);
        mapper.setConfig(mapper.getDeserializationConfig().without(MapperFeature.ALLOW_COERCION_OF_SCALARS));
        return mapper;
    }

    /** Writes {@code SAME_TEXT} as {@code same-text} unless the constant carries its own {@link JsonProperty}. */
    private static final class KebabEnums extends NopAnnotationIntrospector {

        @Override
        public String[] findEnumValues(
                MapperConfig<?> config, AnnotatedClass type, Enum<?>[] constants, String[] names) {
            for (int i = 0; i < constants.length; i++) {
                if (names[i] == null) {
                    names[i] = constants[i].name().toLowerCase(Locale.ROOT).replace('_', '-');
                }
            }
            return names;
        }

        @Override
        public Version version() {
            return Version.unknownVersion();
        }
    }

    private static String keyOf(RecordComponent component) {
        JsonProperty named = component.getAccessor().getAnnotation(JsonProperty.class);
        if (named != null && !named.value().isEmpty()) {
            return named.value();
        }
        return PropertyNamingStrategies.KebabCaseStrategy.INSTANCE.translate(component.getName());
    }

    private static Map<String, RecordComponent> components(Class<?> type) {
        Map<String, RecordComponent> components = new LinkedHashMap<>();
        for (RecordComponent component : type.getRecordComponents()) {
            components.put(keyOf(component), component);
        }
        return components;
    }

    /** @param refused paths of keys that an owner refuses, and of values: {@code path=value} */
    private static void collect(Class<?> type, String prefix, Set<String> refused, List<Key> keys) {
        components(type).forEach((key, component) -> {
            String path = prefix + key;
            if (refused.contains(path)) {
                return;
            }
            Set<String> below = new HashSet<>(refused);
            Without without = component.getAnnotation(Without.class);
            if (without != null) {
                Stream.of(without.value()).map(one -> path + "." + one).forEach(below::add);
            }
            Default value = component.getAnnotation(Default.class);
            ObjectNode section = sectionDefaults(component);
            if (section != null) {
                List<Key> inside = new ArrayList<>();
                collect(component.getType(), path + ".", below, inside);
                for (Key one : inside) {
                    JsonNode given = section.at(
                            "/" + one.path().substring(path.length() + 1).replace('.', '/'));
                    keys.add(given.isMissingNode() ? one : new Key(one.path(), one.type(), text(given)));
                }
            } else if (component.getType().isRecord() && value == null) {
                collect(component.getType(), path + ".", below, keys);
            } else {
                Predicate<String> taken = word -> !below.contains(path + "=" + word);
                keys.add(new Key(path, words(component.getType(), taken), value == null ? null : value.value()));
            }
        });
    }

    /** What a section's owner puts in the place of the section's own defaults, null for nothing. */
    private static ObjectNode sectionDefaults(RecordComponent component) {
        Default value = component.getAnnotation(Default.class);
        if (value == null || !component.getType().isRecord()) {
            return null;
        }
        try {
            return YAML.readTree(value.value()) instanceof ObjectNode section ? section : null;
        } catch (JsonProcessingException e) {
            throw new IllegalArgumentException("the default of " + component + " is no YAML: " + value.value(), e);
        }
    }

    private static String words(Class<?> type) {
        return words(type, value -> true);
    }

    /** @param taken which values of an enum are taken */
    private static String words(Class<?> type, Predicate<String> taken) {
        if (type == int.class || type == long.class || type == Integer.class || type == Long.class) {
            return "a whole number";
        }
        if (type == double.class || type == float.class || type == Double.class || type == Float.class) {
            return "a number";
        }
        if (type == boolean.class || type == Boolean.class) {
            return "true or false";
        }
        if (type == Path.class) {
            return "a path";
        }
        if (type == String.class) {
            return "text";
        }
        if (type.isEnum()) {
            return "one of " + enumNames(type).stream().filter(taken).collect(Collectors.joining(", "));
        }
        if (List.class.isAssignableFrom(type) || Set.class.isAssignableFrom(type) || type.isArray()) {
            return "a list";
        }
        if (type.isRecord()) {
            return "a section with the keys "
                    + String.join(", ", components(type).keySet());
        }
        return Map.class.isAssignableFrom(type) ? "a map" : "a " + type.getSimpleName();
    }

    private static List<String> enumNames(Class<?> type) {
        return Arrays.stream(type.getEnumConstants())
                .map(constant -> JSON.valueToTree(constant).asText())
                .toList();
    }

    /** Names near the one given, nearest first: few edits away, or one containing the other. */
    public static List<String> nearest(String name, Iterable<String> known) {
        Map<String, Integer> distances = new HashMap<>();
        for (String candidate : known) {
            int edits = edits(name.toLowerCase(Locale.ROOT).replace('_', '-'), candidate);
            if (edits <= Math.max(2, candidate.length() / 3) || candidate.contains(name) && name.length() > 2) {
                distances.put(candidate, edits);
            }
        }
        return distances.keySet().stream()
                .sorted(Comparator.<String>comparingInt(distances::get).thenComparing(Comparator.naturalOrder()))
                .limit(3)
                .toList();
    }

    private static int edits(String a, String b) {
        int[] previous = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            previous[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int[] row = new int[b.length() + 1];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int change = previous[j - 1] + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1);
                row[j] = Math.min(change, 1 + Math.min(previous[j], row[j - 1]));
            }
            previous = row;
        }
        return previous[b.length()];
    }

    /** One document being read: where each value came from, so that an error can say so. */
    private static final class Source {

        private static final String DEFAULT = "default of ";
        private static final String OVERRIDE = "override";

        /** A text that YAML takes for a map, such as a template of prompts without quotes. */
        private static final Pattern PLACEHOLDER = Pattern.compile("(^|[:\\[,-])\\s*\\{\\w+}\\s*[^\\s,}\\]]");

        private final String name;
        private final Class<? extends Record> rootType;
        private final Map<String, String> origins = new HashMap<>();

        Source(String name, Class<? extends Record> rootType) {
            this.name = name;
            this.rootType = rootType;
        }

        /** @param origin the file's line, or the override */
        private static ConfigException fault(String origin, String message, Throwable cause) {
            String said = origin + ": " + message;
            return origin.startsWith(OVERRIDE + " '")
                    ? new OverrideException(said, cause)
                    : new ConfigException(said, cause);
        }

        /** What stands for a value in an example. */
        private static String placeholder(Class<?> type) {
            if (type == Path.class) {
                return "PATH";
            }
            return type.isRecord() || Map.class.isAssignableFrom(type)
                    ? "{...}"
                    : type == int.class || type == Integer.class ? "N" : "VALUE";
        }

        ObjectNode document(String yaml) {
            JsonNode node = read(yaml, name + ":", "", true);
            if (node.isNull()) {
                return JsonNodeFactory.instance.objectNode();
            }
            if (node instanceof ObjectNode object) {
                return object;
            }
            throw new ConfigException(name + ": expected a map of keys, found " + show(node));
        }

        void override(ObjectNode root, String override) {
            String origin = OVERRIDE + " '" + override + "'";
            int equals = override.indexOf('=');
            String path = equals < 0 ? "" : override.substring(0, equals).strip();
            if (path.isEmpty() || Arrays.asList(path.split("\\.", -1)).contains("")) {
                throw fault(
                        origin,
                        "write it as KEY=VALUE, such as "
                                + keys(rootType).stream()
                                        .map(Key::path)
                                        .findFirst()
                                        .orElse("key") + "=...",
                        null);
            }
            JsonNode value = read(override.substring(equals + 1), origin, path, false);
            String[] names = path.split("\\.");
            ObjectNode section = root;
            String at = "";
            for (int i = 0; i < names.length - 1; i++) {
                at = join(at, names[i]);
                JsonNode next = section.get(names[i]);
                if (next == null || next.isNull()) {
                    next = section.putObject(names[i]);
                } else if (!next.isObject()) {
                    throw fault(origin, at + " is " + show(next) + ", not a section of keys", null);
                }
                section = (ObjectNode) next;
            }
            String last = names[names.length - 1];
            if (override.endsWith("=") && section.get(last) instanceof ObjectNode given && !given.isEmpty()) {
                throw fault(
                        origin,
                        path + ": is a section, and nothing is given; write one of its keys, such as " + path + "."
                                + given.fieldNames().next() + "=...",
                        null);
            }
            section.set(last, value);
            String inside = path + ".";
            origins.keySet().removeIf(key -> key.startsWith(inside));
            origins.put(path, origin);
        }

        private JsonNode read(String yaml, String origin, String path, boolean lines) {
            try (YAMLParser parser = (YAMLParser) YAML.getFactory().createParser(yaml)) {
                JsonNode node = parser.nextToken() == null
                        ? JsonNodeFactory.instance.nullNode()
                        : node(parser, origin, path, lines);
                if (parser.nextToken() != null) {
                    throw new ConfigException(place(parser, origin, lines)
                            + (lines ? " a second document; one file holds one" : ": the value is not one YAML value"));
                }
                return node;
            } catch (JsonProcessingException e) {
                String line = lines && e.getLocation() != null
                        ? origin + e.getLocation().getLineNr()
                        : origin;
                boolean braces = PLACEHOLDER.matcher(yaml).find();
                throw fault(
                        line,
                        e.getOriginalMessage().replaceAll("\\s+", " ")
                                + (braces
                                        ? "; a text that begins with { stands in quotes, such as '{color} dress'"
                                        : ""),
                        e);
            } catch (IOException e) {
                throw new UncheckedIOException(e);
            }
        }

        private static String place(YAMLParser parser, String origin, boolean lines) {
            return lines ? origin + parser.currentTokenLocation().getLineNr() + ":" : origin;
        }

        private JsonNode node(YAMLParser parser, String origin, String path, boolean lines) throws IOException {
            String place = lines ? origin + parser.currentTokenLocation().getLineNr() : origin;
            origins.putIfAbsent(path, place);
            if (parser.isCurrentAlias()) {
                throw new ConfigException(
                        place + ": " + path + ": YAML aliases are not supported, write the value out");
            }
            JsonNodeFactory nodes = JsonNodeFactory.instance;
            switch (parser.currentToken()) {
                case START_OBJECT -> {
                    ObjectNode object = nodes.objectNode();
                    while (parser.nextToken() != JsonToken.END_OBJECT) {
                        String key = parser.currentName();
                        String keyPath = join(path, key);
                        if (lines) {
                            origins.put(keyPath, place(parser, origin, true).replaceAll(":$", ""));
                        }
                        parser.nextToken();
                        object.set(key, node(parser, origin, keyPath, lines));
                    }
                    return object;
                }
                case START_ARRAY -> {
                    ArrayNode array = nodes.arrayNode();
                    while (parser.nextToken() != JsonToken.END_ARRAY) {
                        array.add(node(parser, origin, path + "[" + array.size() + "]", lines));
                    }
                    return array;
                }
                case VALUE_NUMBER_INT -> {
                    return switch (parser.getNumberType()) {
                        case INT -> nodes.numberNode(parser.getIntValue());
                        case LONG -> nodes.numberNode(parser.getLongValue());
                        default -> {
                            requireFinite(parser, place, path);
                            yield nodes.numberNode(parser.getBigIntegerValue());
                        }
                    };
                }
                case VALUE_NUMBER_FLOAT -> {
                    requireFinite(parser, place, path);
                    return nodes.numberNode(parser.getDoubleValue());
                }
                case VALUE_TRUE, VALUE_FALSE -> {
                    return nodes.booleanNode(parser.getBooleanValue());
                }
                case VALUE_NULL -> {
                    return nodes.nullNode();
                }
                case VALUE_STRING -> {
                    return nodes.textNode(parser.getText());
                }
                default -> throw new ConfigException(place + ": " + path + ": a YAML value of an unsupported kind");
            }
        }

        private static void requireFinite(YAMLParser parser, String place, String path) throws IOException {
            if (Double.isInfinite(parser.getDoubleValue())) {
                throw new ConfigException(
                        place + ": " + path + ": the number is beyond the largest there is, " + Double.MAX_VALUE);
            }
        }

        ObjectNode complete(Class<?> type, ObjectNode given, String path) {
            Map<String, RecordComponent> known = components(type);
            given.fieldNames().forEachRemaining(key -> {
                if (!known.containsKey(key)) {
                    throw unknown(key, known.keySet(), path);
                }
            });
            ObjectNode complete = JsonNodeFactory.instance.objectNode();
            known.forEach((key, component) ->
                    complete.set(key, completeComponent(component, given.get(key), join(path, key), path)));
            return complete;
        }

        private JsonNode completeComponent(RecordComponent component, JsonNode given, String path, String owner) {
            Default byDefault = component.getAnnotation(Default.class);
            boolean record = component.getType().isRecord();
            ObjectNode section = sectionDefaults(component);
            JsonNode value = given;
            if (section != null && (given == null || given.isNull() || given.isObject())) {
                value = given instanceof ObjectNode object ? over(section, object) : section;
            } else if (value == null && byDefault != null) {
                value = read(byDefault.value(), DEFAULT + path, path, false);
            } else if (record && (value == null || value.isNull() && byDefault == null)) {
                value = JsonNodeFactory.instance.objectNode();
            }
            if (value == null) {
                if (path.contains("[")) {
                    throw fault(origin(owner), path + " is missing (" + words(component.getType()) + ")", null);
                }
                throw new OverrideException(
                        name + ": " + path + " is missing. Give it as a further argument: " + path + "="
                                + placeholder(component.getType()),
                        null);
            }
            if (value.isNull()) {
                if (byDefault != null && byDefault.value().equals("null")) {
                    return value;
                }
                throw fault(origin(path), path + ": expected " + words(component.getType()) + ", found nothing", null);
            }
            return completeValue(component.getType(), component.getGenericType(), value, path);
        }

        /** The section's defaults with what is given in their place. */
        private static ObjectNode over(ObjectNode section, ObjectNode given) {
            given.properties().forEach(entry -> {
                JsonNode below = section.get(entry.getKey());
                section.set(
                        entry.getKey(),
                        below instanceof ObjectNode inside && entry.getValue() instanceof ObjectNode object
                                ? over(inside, object)
                                : entry.getValue());
            });
            return section;
        }

        private JsonNode completeValue(Class<?> type, Type generic, JsonNode value, String path) {
            if (type.isRecord()) {
                if (value instanceof ObjectNode object) {
                    return complete(type, object, path);
                }
                throw wrongType(type, value, path);
            }
            if (generic instanceof ParameterizedType parameterized) {
                Type[] arguments = parameterized.getActualTypeArguments();
                Type last = arguments[arguments.length - 1];
                Class<?> element = last instanceof ParameterizedType p
                        ? (Class<?>) p.getRawType()
                        : last instanceof Class<?> c ? c : Object.class;
                if (value instanceof ArrayNode array && arguments.length == 1) {
                    ArrayNode complete = JsonNodeFactory.instance.arrayNode();
                    for (int i = 0; i < array.size(); i++) {
                        String at = path + "[" + i + "]";
                        if (array.get(i).isNull()) {
                            throw fault(origin(at), at + ": a list entry is empty", null);
                        }
                        complete.add(completeValue(element, last, array.get(i), at));
                    }
                    return complete;
                }
                if (value instanceof ObjectNode object && Map.class.isAssignableFrom(type)) {
                    ObjectNode complete = JsonNodeFactory.instance.objectNode();
                    object.properties()
                            .forEach(entry -> complete.set(
                                    entry.getKey(),
                                    completeValue(element, last, entry.getValue(), join(path, entry.getKey()))));
                    return complete;
                }
            }
            return value;
        }

        <T> T bind(ObjectNode tree) {
            try {
                @SuppressWarnings("unchecked")
                T bound = (T) JSON.treeToValue(tree, rootType);
                return bound;
            } catch (JsonMappingException e) {
                String path = "";
                for (JsonMappingException.Reference step : e.getPath()) {
                    path = step.getFieldName() == null
                            ? path + "[" + step.getIndex() + "]"
                            : join(path, step.getFieldName());
                }
                Throwable cause = e.getCause();
                if (cause instanceof MissingValueException) {
                    throw new OverrideException(name + ": " + cause.getMessage(), e);
                }
                if (cause instanceof IllegalArgumentException || cause instanceof NullPointerException) {
                    throw refused(path, at(tree, e.getPath()), cause.getMessage(), e);
                }
                Class<?> expected = Object.class;
                if (e instanceof MismatchedInputException mismatch) {
                    expected = mismatch.getTargetType();
                } else if (cause instanceof InputCoercionException overflow) {
                    expected = overflow.getTargetType();
                }
                throw wrongType(expected, at(tree, e.getPath()), path);
            } catch (JsonProcessingException e) {
                throw new ConfigException(name + ": " + e.getOriginalMessage(), e);
            }
        }

        /** A record's own refusal. Where it begins with one of the record's keys, it is that key's value that is wrong. */
        private ConfigException refused(String path, JsonNode section, String message, Exception e) {
            String key = String.valueOf(message).split("[ :]", 2)[0];
            boolean known = !section.at("/" + key.replace('.', '/')).isMissingNode();
            String written = known ? origins.get(join(path, key)) : null;
            if (written != null && !written.startsWith(DEFAULT)) {
                return fault(written, join(path, message), e);
            }
            String inside = path.isEmpty() ? "" : path + ".";
            String given = origins.entrySet().stream()
                    .filter(value -> value.getKey().startsWith(inside)
                            && value.getValue().startsWith(OVERRIDE))
                    .map(Map.Entry::getValue)
                    .distinct()
                    .sorted()
                    .collect(Collectors.joining(", "));
            String said = (path.isEmpty() ? "" : path + ": ") + message;
            return given.isEmpty() || path.isEmpty()
                    ? fault(origin(path), said, e)
                    : new OverrideException(origin(path) + ": " + said + " (with " + given + ")", e);
        }

        private static JsonNode at(JsonNode tree, List<JsonMappingException.Reference> path) {
            JsonNode node = tree;
            for (JsonMappingException.Reference step : path) {
                node = step.getFieldName() == null ? node.path(step.getIndex()) : node.path(step.getFieldName());
            }
            return node;
        }

        private ConfigException wrongType(Class<?> expected, JsonNode found, String path) {
            String near = "";
            if (expected != null && expected.isEnum() && found.isTextual()) {
                List<String> names = nearest(found.asText(), enumNames(expected));
                near = names.isEmpty() ? "" : "; did you mean " + names.get(0) + "?";
            }
            if (found.isIntegralNumber() && (expected == int.class || expected == long.class)) {
                near = " beyond " + (expected == int.class ? Integer.MAX_VALUE : Long.MAX_VALUE);
            }
            return fault(
                    origin(path),
                    path + ": expected " + words(expected == null ? Object.class : expected) + ", found " + show(found)
                            + near,
                    null);
        }

        private ConfigException unknown(String key, Set<String> siblings, String section) {
            String path = join(section, key);
            List<String> near = new ArrayList<>();
            nearest(key, siblings).forEach(sibling -> near.add(join(section, sibling)));
            keys(rootType).stream()
                    .map(Key::path)
                    .filter(known -> known.endsWith("." + key) && !known.equals(path))
                    .forEach(near::add);
            String hint = near.isEmpty() ? "" : " Did you mean " + String.join(" or ", near) + "?";
            return fault(
                    origin(path),
                    path + ": unknown key." + hint + " Known keys " + (section.isEmpty() ? "here" : "in " + section)
                            + ": " + siblings.stream().sorted().collect(Collectors.joining(", ")),
                    null);
        }

        /** Where the value at a path, or else the nearest enclosing section, was written. */
        private String origin(String path) {
            String at = path;
            while (!at.isEmpty()) {
                String origin = origins.get(at);
                if (origin != null) {
                    return origin;
                }
                int cut = Math.max(at.lastIndexOf('.'), at.lastIndexOf('['));
                at = cut < 0 ? "" : at.substring(0, cut);
            }
            return name;
        }

        private static String show(JsonNode node) {
            if (node.isTextual()) {
                return "'" + node.asText() + "'";
            }
            if (node.isObject()) {
                return "a map";
            }
            return node.isArray() ? "a list" : node.isMissingNode() || node.isNull() ? "nothing" : node.toString();
        }

        private static String join(String section, String key) {
            return section.isEmpty() ? key : section + "." + key;
        }
    }
}
