package org.rafclip.onnx.importer;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.nd4j.autodiff.samediff.SDVariable;
import org.nd4j.autodiff.samediff.SameDiff;
import org.nd4j.autodiff.samediff.internal.SameDiffOp;
import org.nd4j.ir.OpNamespace.OpDescriptor;
import org.nd4j.samediff.frameworkimport.ImportGraph;
import org.nd4j.samediff.frameworkimport.hooks.NodePreProcessorHook;
import org.nd4j.samediff.frameworkimport.hooks.PreImportHook;
import org.nd4j.samediff.frameworkimport.hooks.annotations.HookResult;
import org.nd4j.samediff.frameworkimport.hooks.annotations.NodePreProcessor;
import org.nd4j.samediff.frameworkimport.hooks.annotations.PreHookRule;
import org.nd4j.samediff.frameworkimport.ir.IRGraph;
import org.nd4j.samediff.frameworkimport.ir.IRNode;
import org.nd4j.samediff.frameworkimport.registry.OpMappingRegistry;
import org.nd4j.shade.protobuf.GeneratedMessageV3;
import org.nd4j.shade.protobuf.ProtocolMessageEnum;

/** Hooks of both kinds that the importer knows, for operations that CLIPs have; they note that they were called. */
@PreHookRule(
        nodeNames = {},
        opNames = {"Concat", "LayerNormalization"},
        frameworkName = "onnx")
@NodePreProcessor(
        nodeTypes = {"Concat", "LayerNormalization"},
        frameworkName = "onnx")
public final class RecordingHook
        implements PreImportHook,
                NodePreProcessorHook<
                        GeneratedMessageV3,
                        GeneratedMessageV3,
                        GeneratedMessageV3,
                        GeneratedMessageV3,
                        ProtocolMessageEnum> {

    /** An operation's first output came by. */
    static final class Reached extends RuntimeException {
        private static final long serialVersionUID = 1L;

        Reached(String output) {
            super(output);
        }
    }

    /** The nodes that it was asked to change before the import: the only call that is given the whole graph. */
    static final List<String> CHANGED = new ArrayList<>();

    @Override
    public IRNode<GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, GeneratedMessageV3, ProtocolMessageEnum>
            modifyNode(
                    IRNode<
                                    GeneratedMessageV3,
                                    GeneratedMessageV3,
                                    GeneratedMessageV3,
                                    GeneratedMessageV3,
                                    ProtocolMessageEnum>
                            node,
                    IRGraph<
                                    GeneratedMessageV3,
                                    GeneratedMessageV3,
                                    GeneratedMessageV3,
                                    GeneratedMessageV3,
                                    GeneratedMessageV3,
                                    GeneratedMessageV3,
                                    ProtocolMessageEnum>
                            graph) {
        CHANGED.add(node.nodeName());
        return node;
    }

    @Override
    public HookResult preProcess(
            SameDiffOp op,
            SameDiff graph,
            Map<String, ? extends Object> attributes,
            OpDescriptor descriptor,
            List<String> outputs,
            boolean last,
            OpMappingRegistry<
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            ProtocolMessageEnum,
                            GeneratedMessageV3,
                            GeneratedMessageV3>
                    registry,
            ImportGraph<
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            ProtocolMessageEnum>
                    importer,
            Map<String, ? extends GeneratedMessageV3> dynamic) {
        throw new Reached(outputs.get(0));
    }

    @Override
    public Map<String, List<SDVariable>> handleOutputs(
            List<String> outputs,
            SameDiff graph,
            SameDiffOp op,
            Map<String, ? extends Object> attributes,
            OpMappingRegistry<
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            ProtocolMessageEnum,
                            GeneratedMessageV3,
                            GeneratedMessageV3>
                    registry,
            ImportGraph<
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            ProtocolMessageEnum>
                    importer,
            Map<String, ? extends GeneratedMessageV3> dynamic) {
        throw new Reached(outputs.get(0));
    }

    @Override
    public Map<String, List<SDVariable>> doImport(
            SameDiff graph,
            Map<String, ? extends Object> attributes,
            List<String> outputs,
            SameDiffOp op,
            OpMappingRegistry<
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            ProtocolMessageEnum,
                            GeneratedMessageV3,
                            GeneratedMessageV3>
                    registry,
            ImportGraph<
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            GeneratedMessageV3,
                            ProtocolMessageEnum>
                    importer,
            Map<String, ? extends GeneratedMessageV3> dynamic) {
        throw new Reached(outputs.get(0));
    }
}
