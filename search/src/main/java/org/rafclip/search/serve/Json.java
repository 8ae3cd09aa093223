package org.rafclip.search.serve;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonLocation;
import com.fasterxml.jackson.core.JsonParseException;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.exc.ValueInstantiationException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.Collection;
import java.util.List;

/** JSON of strangers, read strictly: an unknown name, a value of another type or a name that stands twice is refused. */
final class Json {

    private static final int DEEPEST = 20;

    private final ObjectMapper mapper;

    Json() {
        JsonFactory factory = JsonFactory.builder()
                .streamReadConstraints(StreamReadConstraints.builder()
                        .maxNestingDepth(DEEPEST)
                        .maxNumberLength(50)
                        .build())
                .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
                .build();
        mapper = JsonMapper.builder(factory)
                .enable(
                        DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES,
                        DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
                .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
                .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
                .withCoercionConfig(LogicalType.Textual, texts -> {
                    texts.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail);
                    texts.setCoercion(CoercionInputShape.Float, CoercionAction.Fail);
                    texts.setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail);
                })
                .build();
    }

    byte[] write(Object message) {
        try {
            return mapper.writeValueAsBytes(message);
        } catch (JsonProcessingException e) {
            throw new UncheckedIOException(e);
        }
    }

    <T> T read(byte[] body, Class<T> type) {
        T message;
        try {
            message = mapper.readValue(body, type);
        } catch (UnrecognizedPropertyException e) {
            throw refused(path(e), "there is no such field; see /openapi.json");
        } catch (JsonParseException e) {
            throw noJson(e);
        } catch (StreamConstraintsException e) {
            throw refused(null, "the body is nested too deeply, or has a number that is too long");
        } catch (JsonMappingException e) {
            if (e.getCause() instanceof JsonParseException parsing) {
                throw noJson(parsing);
            }
            boolean empty = body.length == 0;
            throw refused(
                    path(e), empty ? "the body is empty, where an object is meant" : meant(e) + "; see /openapi.json");
        } catch (IOException e) {
            throw refused(null, "the body is no JSON: it ends too early");
        }
        if (message == null) {
            throw refused(null, "the body is null, where an object is meant");
        }
        return message;
    }

    private static ApiException noJson(JsonParseException e) {
        JsonLocation place = e.getLocation();
        return refused(null, "the body is no JSON, line " + place.getLineNr() + ", column " + place.getColumnNr());
    }

    private static ApiException refused(String field, String reason) {
        return new ApiException(ApiException.BAD_REQUEST, field, reason);
    }

    private static String meant(JsonMappingException e) {
        Class<?> type = e instanceof MismatchedInputException mismatch ? mismatch.getTargetType() : null;
        if (e.getMessage() != null && e.getMessage().startsWith("Duplicate field")) {
            return "the field stands twice";
        } else if (type == null || e instanceof ValueInstantiationException) {
            return "this is not what is meant here";
        } else if (type == String.class) {
            return "a text is meant here";
        } else if (type == Boolean.class || type == boolean.class) {
            return "true or false is meant here";
        } else if (type == Integer.class || type == int.class) {
            return "a whole number is meant here";
        } else if (Number.class.isAssignableFrom(type) || type.isPrimitive()) {
            return "a number is meant here";
        }
        return Collection.class.isAssignableFrom(type) ? "a list is meant here" : "an object is meant here";
    }

    private static String path(JsonMappingException e) {
        StringBuilder path = new StringBuilder();
        List<JsonMappingException.Reference> references = e.getPath();
        for (JsonMappingException.Reference reference : references) {
            if (reference.getFieldName() == null) {
                path.append('[').append(reference.getIndex()).append(']');
            } else {
                path.append(path.isEmpty() ? "" : ".").append(reference.getFieldName());
            }
        }
        return path.isEmpty() ? null : path.toString();
    }
}
