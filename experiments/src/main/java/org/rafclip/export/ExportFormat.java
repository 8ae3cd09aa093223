package org.rafclip.export;

import java.util.Locale;

/** Whose code a model is exported for. */
public enum ExportFormat {
    /** Hugging Face's transformers: {@code CLIPModel.from_pretrained}. */
    HF,
    /** OpenCLIP: {@code create_model_and_transforms("local-dir:...")}. */
    OPENCLIP,
    /** Whatever runs ONNX. */
    ONNX,
    /** Hugging Face's PEFT: the adapters alone, {@code PeftModel.from_pretrained}. */
    PEFT;

    /** The word that a command line has for it. */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }
}
