package org.rafclip.io;

import java.math.BigInteger;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.rafclip.io.Pickle.Refusal;
import org.rafclip.io.Pickle.Tuple;

/**
 * What names mean in PyTorch's pickles: storages, tensors made of them, and containers. A TorchScript archive's own
 * classes are maps of their attributes; their programs are not read.
 */
final class TorchObjects implements Pickle.Objects {

    private static final int MOST_DIMENSIONS = 32;
    private static final int MOST_COPIED = 1 << 20;

    /**
     * Numbers that lie one after another in the file.
     *
     * @param dtype null where only the tensors say it; then {@code length} counts bytes
     * @param length in elements
     */
    record Storage(String key, Dtype dtype, long length) {

        /** Bytes in the file. */
        long bytes() {
            return dtype == null ? length : Math.multiplyExact(length, dtype.bytes());
        }
    }

    /**
     * A window into a storage.
     *
     * @param offset of the first element
     * @param strides elements between neighbors, for every dimension
     */
    record View(Storage storage, Dtype dtype, long offset, List<Long> shape, List<Long> strides) {

        long elements() {
            return shape.stream().reduce(1L, (a, b) -> a * b);
        }
    }

    /** An object of a class that stands in the archive. */
    static final class ScriptObject extends LinkedHashMap<Object, Object> {
        private static final long serialVersionUID = 1;
    }

    private enum Known {
        DICT,
        LIST,
        TENSOR,
        TYPED_TENSOR,
        PARAMETER,
        SUBCLASSED,
        TENSOR_TYPE,
        TAGGED,
        TUPLE,
        TEXT,
        ENCODED,
        SCRIPT_CLASS,
        UNTYPED_STORAGE
    }

    private static final Map<String, Known> GLOBALS = Map.ofEntries(
            Map.entry("collections.OrderedDict", Known.DICT),
            Map.entry("collections.Counter", Known.DICT),
            Map.entry("builtins.dict", Known.DICT),
            Map.entry("__builtin__.dict", Known.DICT),
            Map.entry("builtins.list", Known.LIST),
            Map.entry("__builtin__.list", Known.LIST),
            Map.entry("builtins.set", Known.LIST),
            Map.entry("__builtin__.set", Known.LIST),
            Map.entry("torch.jit._pickle.build_intlist", Known.LIST),
            Map.entry("torch.jit._pickle.build_doublelist", Known.LIST),
            Map.entry("torch.jit._pickle.build_boollist", Known.LIST),
            Map.entry("torch.jit._pickle.build_tensorlist", Known.LIST),
            Map.entry("torch.jit._pickle.restore_type_tag", Known.TAGGED),
            Map.entry("torch._utils._rebuild_tensor", Known.TENSOR),
            Map.entry("torch._utils._rebuild_tensor_v2", Known.TENSOR),
            Map.entry("torch._utils._rebuild_tensor_v3", Known.TYPED_TENSOR),
            Map.entry("torch._utils._rebuild_parameter", Known.PARAMETER),
            Map.entry("torch._utils._rebuild_parameter_with_state", Known.PARAMETER),
            Map.entry("torch._tensor._rebuild_from_type_v2", Known.SUBCLASSED),
            Map.entry("torch.Tensor", Known.TENSOR_TYPE),
            Map.entry("torch.nn.parameter.Parameter", Known.TENSOR_TYPE),
            Map.entry("torch.Size", Known.TUPLE),
            Map.entry("torch.device", Known.TEXT),
            Map.entry("_codecs.encode", Known.ENCODED),
            Map.entry("torch.storage.UntypedStorage", Known.UNTYPED_STORAGE));

    private static final Map<String, Dtype> STORAGES = Map.of(
            "DoubleStorage", Dtype.F64,
            "FloatStorage", Dtype.F32,
            "HalfStorage", Dtype.F16,
            "BFloat16Storage", Dtype.BF16,
            "LongStorage", Dtype.I64,
            "IntStorage", Dtype.I32,
            "ShortStorage", Dtype.I16,
            "CharStorage", Dtype.I8,
            "ByteStorage", Dtype.U8,
            "BoolStorage", Dtype.BOOL);

    private static final Map<String, Dtype> DTYPES = Map.ofEntries(
            Map.entry("float64", Dtype.F64),
            Map.entry("float32", Dtype.F32),
            Map.entry("float16", Dtype.F16),
            Map.entry("bfloat16", Dtype.BF16),
            Map.entry("int64", Dtype.I64),
            Map.entry("int32", Dtype.I32),
            Map.entry("int16", Dtype.I16),
            Map.entry("int8", Dtype.I8),
            Map.entry("uint8", Dtype.U8),
            Map.entry("uint16", Dtype.U16),
            Map.entry("uint32", Dtype.U32),
            Map.entry("uint64", Dtype.U64),
            Map.entry("bool", Dtype.BOOL));

    /** A storage's class by its elements. */
    private record StorageType(Dtype dtype) {}

    private final boolean script;
    private final Function<Storage, Storage> storages;
    private long copied;

    /**
     * @param script whether the pickle is of a TorchScript archive, whose classes are its own
     * @param storages checks a storage against the file, and gives the one known by its key
     */
    TorchObjects(boolean script, Function<Storage, Storage> storages) {
        this.script = script;
        this.storages = storages;
    }

    @Override
    public Object global(String module, String name) {
        String full = module + "." + name;
        Known known = GLOBALS.get(full);
        if (known != null) {
            return known;
        }
        if (module.equals("torch") && STORAGES.containsKey(name)) {
            return new StorageType(STORAGES.get(name));
        }
        if (module.equals("torch") && DTYPES.containsKey(name)) {
            return DTYPES.get(name);
        }
        if (script && module.startsWith("__torch__") && !module.startsWith("__torch__.torch.classes")) {
            return Known.SCRIPT_CLASS;
        }
        throw Refusal.unknown(Pickle.shown(full));
    }

    @Override
    public Object call(Object callee, Tuple arguments) {
        if (!(callee instanceof Known known)) {
            throw Refusal.damaged("its pickle calls what is no function");
        }
        return switch (known) {
            case DICT -> dict(arguments);
            case LIST -> arguments.size() == 0 ? new ArrayList<>() : copied(items(arguments.get(0)));
            case TENSOR -> view(arguments, null);
            case TYPED_TENSOR -> view(arguments, Pickle.as(Dtype.class, argument(arguments, 6)));
            case PARAMETER, TAGGED -> argument(arguments, 0);
            case SUBCLASSED -> {
                if (argument(arguments, 1) != Known.TENSOR_TYPE) {
                    throw Refusal.damaged("its pickle makes a tensor of what is none");
                }
                yield call(tensorMaker(argument(arguments, 0)), Pickle.as(Tuple.class, argument(arguments, 2)));
            }
            case TUPLE -> new Tuple(Collections.unmodifiableList(copied(items(argument(arguments, 0)))));
            case TEXT -> argument(arguments, 0) instanceof String device ? device : "";
            case ENCODED -> {
                String text = Pickle.as(String.class, argument(arguments, 0));
                charge(text.length());
                yield text.getBytes(StandardCharsets.ISO_8859_1);
            }
            case SCRIPT_CLASS -> new ScriptObject();
            case TENSOR_TYPE, UNTYPED_STORAGE -> throw Refusal.unknown("a call of a tensor's class");
        };
    }

    private static Known tensorMaker(Object callee) {
        if (callee == Known.TENSOR || callee == Known.TYPED_TENSOR || callee == Known.PARAMETER) {
            return (Known) callee;
        }
        throw Refusal.damaged("its pickle makes a tensor by what makes none");
    }

    /** A container that a pickle holds once may be copied by a few bytes, again and again. */
    private void charge(long more) {
        copied += more;
        if (copied > MOST_COPIED) {
            throw Refusal.damaged("its pickle copies more than " + MOST_COPIED + " values");
        }
    }

    private List<Object> copied(List<Object> items) {
        charge(items.size());
        return new ArrayList<>(items);
    }

    private Object dict(Tuple arguments) {
        Map<Object, Object> dict = new LinkedHashMap<>();
        if (arguments.size() == 0) {
            return dict;
        }
        if (arguments.get(0) instanceof Map<?, ?> map) {
            charge(map.size());
            dict.putAll(map);
            return dict;
        }
        List<Object> items = items(arguments.get(0));
        charge(items.size());
        for (Object item : items) {
            List<Object> pair = items(item);
            if (pair.size() != 2 || pair.get(0) instanceof List || pair.get(0) instanceof Map) {
                throw Refusal.damaged("its pickle makes a dict of what are no pairs");
            }
            dict.put(pair.get(0), pair.get(1));
        }
        return dict;
    }

    @SuppressWarnings("unchecked")
    private static List<Object> items(Object value) {
        return value instanceof Tuple tuple ? tuple.items() : Pickle.as(List.class, value);
    }

    private static Object argument(Tuple arguments, int index) {
        if (index >= arguments.size()) {
            throw Refusal.damaged("its pickle calls a function with too few arguments");
        }
        return arguments.get(index);
    }

    @Override
    public Object instance(Object type, Tuple arguments) {
        if (type == Known.SCRIPT_CLASS || type == Known.DICT || type == Known.LIST) {
            return call(type, arguments);
        }
        throw Refusal.unknown("a new object of a tensor's class");
    }

    /** Attributes of a dict, such as a state dict's versions, are no weights. */
    @Override
    public void build(Object target, Object state) {
        if (target instanceof ScriptObject object) {
            if (!(state instanceof Map<?, ?> attributes)) {
                throw Refusal.unknown("a TorchScript object that packs its weights itself, as quantized ones do");
            }
            charge(attributes.size());
            object.putAll(attributes);
        } else if (!(target instanceof Map)) {
            throw Refusal.unknown("an object's state");
        }
    }

    @Override
    public Object persistent(Object id) {
        Tuple said = Pickle.as(Tuple.class, id);
        if (said.size() < 5 || !"storage".equals(said.get(0))) {
            throw Refusal.unknown("something else than a storage from outside the pickle");
        }
        if (said.size() > 5 && said.get(5) != null) {
            throw Refusal.unknown("a storage within a storage, as PyTorch before 0.4 wrote them");
        }
        Dtype dtype = said.get(1) == Known.UNTYPED_STORAGE
                ? null
                : Pickle.as(StorageType.class, said.get(1)).dtype();
        long length = count(said.get(4));
        if (length > Long.MAX_VALUE / 8) {
            throw Refusal.damaged("a storage of " + length + " elements is larger than any file");
        }
        return storages.apply(new Storage(Pickle.as(String.class, said.get(2)), dtype, length));
    }

    /** Storage, offset, shape and strides, checked: no element outside the storage, none twice. */
    private static View view(Tuple arguments, Dtype said) {
        Storage storage = Pickle.as(Storage.class, argument(arguments, 0));
        Dtype dtype = said != null ? said : storage.dtype();
        if (dtype == null) {
            throw Refusal.damaged("its pickle makes a tensor of a storage without a type");
        }
        long offset = count(argument(arguments, 1));
        List<Long> shape = counts(argument(arguments, 2));
        List<Long> strides = counts(argument(arguments, 3));
        if (strides.size() != shape.size()) {
            throw Refusal.damaged("a tensor has the shape " + shape + " and the strides " + strides);
        }
        View view = new View(storage, dtype, offset, shape, strides);
        requireInside(view, said == null ? storage.length() : storage.bytes() / said.bytes());
        return view;
    }

    private static void requireInside(View view, long length) {
        if (view.shape().contains(0L)) {
            if (view.shape().stream().anyMatch(size -> size > Integer.MAX_VALUE)) {
                throw Refusal.damaged("a tensor has the shape " + view.shape());
            }
            return;
        }
        List<Integer> inner = new ArrayList<>();
        for (int i = 0; i < view.shape().size(); i++) {
            if (view.shape().get(i) != 1) {
                inner.add(i);
            }
        }
        inner.sort((a, b) -> Long.compare(view.strides().get(a), view.strides().get(b)));
        long reach = 0;
        try {
            for (int dimension : inner) {
                if (view.strides().get(dimension) <= reach) {
                    throw Refusal.unknown("a tensor whose elements overlap (shape " + view.shape() + ", strides "
                            + view.strides() + "; in Python tensor.contiguous() parts them)");
                }
                reach = Math.addExact(
                        reach,
                        Math.multiplyExact(
                                view.strides().get(dimension), view.shape().get(dimension) - 1));
            }
            if (Math.addExact(view.offset(), reach) < length) {
                return;
            }
        } catch (ArithmeticException e) {
            // Falls to the refusal: it reaches beyond any storage.
        }
        throw Refusal.damaged("a tensor of the shape " + view.shape() + ", strides " + view.strides() + " and offset "
                + view.offset() + " reaches beyond its storage of " + length + " elements");
    }

    private static List<Long> counts(Object value) {
        List<Object> items = items(value);
        if (items.size() > MOST_DIMENSIONS) {
            throw Refusal.damaged("a tensor has " + items.size() + " dimensions, more than an array can");
        }
        return items.stream().map(TorchObjects::count).toList();
    }

    private static long count(Object value) {
        if (value instanceof Long number && number >= 0) {
            return number;
        }
        String shown = value instanceof Long || value instanceof BigInteger ? value.toString() : "something else";
        throw Refusal.damaged("a count in its pickle is " + Pickle.shown(shown));
    }
}
