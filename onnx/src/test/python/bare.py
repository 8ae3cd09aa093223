"""Small files of graphs: what the scripts that write exports share."""
import onnx


def strip(path):
    """Takes every name away but those of inputs and outputs, as graph optimizers do."""
    model = onnx.load(str(path))
    graph = model.graph
    kept = {value.name for value in list(graph.input) + list(graph.output)}
    names = {}

    def short(name):
        if not name or name in kept:
            return name
        return names.setdefault(name, f"v{len(names)}")

    for initializer in graph.initializer:
        initializer.name = short(initializer.name)
    for node in graph.node:
        node.name, node.doc_string = "", ""
        node.input[:] = [short(name) for name in node.input]
        node.output[:] = [short(name) for name in node.output]
    del graph.value_info[:]
    onnx.checker.check_model(model)
    onnx.save(model, str(path))
