"""What the tests of image autoencoders have in common: the encoder and the convolution behind it."""

UNUSED = ("decoder.", "post_quant_conv.", "quantize.")
SIZES = {"height": 24, "width": 16}


def call(module, inputs):
    moments = module.encoder(inputs["sample"])
    quant_conv = getattr(module, "quant_conv", None)
    return {"": quant_conv(moments) if quant_conv is not None else moments}
