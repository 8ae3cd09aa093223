package org.rafclip.agcn.features;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.nd4j.linalg.api.buffer.DataType;
import org.nd4j.linalg.api.ndarray.INDArray;
import org.nd4j.linalg.factory.Nd4j;
import org.rafclip.clip.ClipModel;
import org.rafclip.clip.DualEncoder;
import org.rafclip.data.DataException;
import org.rafclip.nn.Scope;
import org.rafclip.ops.Graph;
import org.rafclip.text.Encoded;

/** Texts through a dual encoder: the tokens up to and with the end token, and the end token as pooled feature. */
public final class TextFeatureSource implements FeatureSource {

    private final ClipModel model;
    private final List<String> texts;

    /** @throws DataException if a text is blank */
    public TextFeatureSource(ClipModel model, List<String> texts) {
        this.model = model;
        this.texts = List.copyOf(texts);
        for (int i = 0; i < texts.size(); i++) {
            if (texts.get(i).isBlank()) {
                throw new DataException("text " + i + " of " + texts.size() + " is empty: remove its entry or word it");
            }
        }
    }

    @Override
    public int rows() {
        return texts.size();
    }

    @Override
    public int mostTokens() {
        return model.tokenizer().contextLength();
    }

    @Override
    public String name(int row) {
        return "text '" + texts.get(row) + "'";
    }

    @Override
    public Features encode(int from, int to) {
        Encoded.Padded padded =
                model.tokenizer().encode(texts.subList(from, to)).pad();
        Map<String, INDArray> inputs = new HashMap<>(ClipModel.textInputs(padded));
        inputs.put(Scope.DROPOUT_SEED, Nd4j.scalar(DataType.INT32, -1));
        try (Graph.Outputs outputs = model.graph().run(inputs, DualEncoder.TEXT_TOKENS, DualEncoder.TEXT_FEATURES)) {
            return new Features(
                    outputs.get(DualEncoder.TEXT_TOKENS).dup('c'),
                    padded.lengths(),
                    outputs.get(DualEncoder.TEXT_FEATURES).dup('c'));
        }
    }
}
