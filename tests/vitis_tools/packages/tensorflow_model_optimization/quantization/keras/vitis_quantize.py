"""Stand-in for AMD's vitis_quantize: its interface, its checks, its layers as they are stored."""

import json
import os
import subprocess
import tempfile

import numpy as np
import tensorflow as tf

register = tf.keras.utils.register_keras_serializable
STRATEGIES = ("pof2s", "pof2s_tqt")
REWRITES = {"include_cle": bool, "convert_relu6_to_relu": bool}
OPTIONS = {
    **REWRITES,
    "include_fast_ft": bool,
    "fast_ft_epochs": int,
}


@tf.custom_gradient
def _passing_on(quantized, x):
    """The quantized value, with the gradient of the unquantized one."""
    return quantized, lambda slope: (tf.zeros_like(slope), slope)


def fix(x, position, even):
    """Round to int8 codes at a position, and back."""
    step = 2.0 ** (-tf.cast(position, tf.float32))
    scaled = x / step
    codes = tf.round(scaled) if even else tf.floor(scaled + 0.5)
    return _passing_on(tf.clip_by_value(codes, -128.0, 127.0) * step, x)


@register(package="Vitis", name="QuantizeWrapper")
class QuantizeWrapper(tf.keras.layers.Wrapper):
    """A layer with quantized weights and, where it has a position, a quantized output or input."""

    def __init__(self, layer, roles, factor=1.0, **kwargs):
        kwargs.setdefault("name", "quant_" + layer.name)
        super().__init__(layer, **kwargs)
        self.roles, self.factor = dict(roles), factor

    def build(self, input_shape):
        super().build(input_shape)
        self.optimizer_step = self._number("optimizer_step", -1, tf.int32)
        self.positions = {}
        for variable, position in self.roles.items():
            for end in ("min", "max"):
                self._number(f"{variable}_{end}", 0.0)
            self.positions[variable] = self._number(f"{variable}_pos", position)

    def _number(self, name, value, dtype=tf.float32):
        start = tf.keras.initializers.Constant(value)
        return self.add_weight(name=name, shape=(), initializer=start, dtype=dtype, trainable=False)

    def call(self, inputs, training=None):
        kept = {}
        for name in ("kernel", "depthwise_kernel", "bias"):
            if name in self.positions:
                kept[name] = getattr(self.layer, name)
                object.__setattr__(self.layer, name, fix(kept[name], self.positions[name], True))
        if "pre_activation" in self.positions:
            inputs = fix(inputs, self.positions["pre_activation"], False)
        outputs = self.layer.call(inputs) * self.factor
        for name, value in kept.items():
            object.__setattr__(self.layer, name, value)
        for name in ("post_activation", "output_0"):
            if name in self.positions:
                outputs = fix(outputs, self.positions[name], False)
        return outputs

    def get_config(self):
        return {**super().get_config(), "roles": self.roles, "factor": self.factor}


@register(package="Vitis", name="VitisQuantize")
class VitisQuantize(tf.keras.layers.Layer):
    """Quantizes its input."""

    def __init__(self, position, **kwargs):
        super().__init__(**kwargs)
        self.position = position

    def build(self, input_shape):
        super().build(input_shape)
        for end, value in (("min", 0.0), ("max", 0.0), ("pos", self.position)):
            start = tf.keras.initializers.Constant(value)
            made = self.add_weight(
                name=f"{self.name}_{end}", shape=(), initializer=start, trainable=False
            )
        self.pos = made

    def call(self, inputs):
        return fix(inputs, self.pos, False)

    def get_config(self):
        return {**super().get_config(), "position": self.position}


def quantize_scope(*args):
    """Scope in which a quantized model loads."""
    known = {"QuantizeWrapper": QuantizeWrapper, "VitisQuantize": VitisQuantize}
    return tf.keras.utils.custom_object_scope(*args, known)


class VitisQuantizer:
    """The interface of vai_q_tensorflow2 3.5."""

    def __init__(
        self,
        float_model,
        quantize_strategy="pof2s",
        custom_quantize_strategy=None,
        custom_objects={},  # noqa: B006
        target=None,
        target_type=None,
    ):
        if not isinstance(float_model, tf.keras.Model) or not float_model._is_graph_network:
            raise ValueError("[VAI ERROR] float_model must be a functional tf.keras.Model")
        if isinstance(float_model, tf.keras.Sequential):
            raise ValueError("[VAI ERROR] a Sequential model would be quantized wrongly")
        if quantize_strategy not in STRATEGIES:
            raise ValueError(f"[VAI ERROR] unknown strategy {quantize_strategy}")
        if custom_quantize_strategy or custom_objects or target or target_type:
            raise ValueError("[VAI ERROR] this project has no use for these arguments")
        self._model, self._strategy = float_model, quantize_strategy

    def quantize_model(
        self,
        loss=None,
        metrics=None,
        calib_dataset=None,
        calib_batch_size=None,
        calib_steps=None,
        eval_dataset=None,
        verbose=0,
        add_shape_info=False,
        input_shape=None,
        configs={},  # noqa: B006
        **kwargs,
    ):
        if calib_dataset is None:
            raise ValueError("[VAI ERROR] Need to assign `calib_dataset`")
        if self._strategy != "pof2s" or loss or metrics or calib_steps is not None or configs:
            raise ValueError("[VAI ERROR] not how this project quantizes")
        _check_options(kwargs, OPTIONS)
        return self._quantize(calib_dataset, calib_batch_size, kwargs)

    def _quantize(self, images, batch_size, options):
        shape = self._model.input_shape
        if not isinstance(images, np.ndarray) or images.dtype != np.float32:
            raise ValueError(f"[VAI ERROR] calib_dataset must be float32, got {type(images)}")
        if images.shape[1:] != shape[1:] or not len(images) or not np.isfinite(images).all():
            raise ValueError(f"[VAI ERROR] calib_dataset must fit {shape}, got {images.shape}")
        if type(batch_size) is not int or batch_size < 1:
            raise ValueError(f"[VAI ERROR] calib_batch_size must be a number, got {batch_size!r}")
        with tempfile.TemporaryDirectory() as folder:
            self._model.save(os.path.join(folder, "float.h5"))
            np.save(os.path.join(folder, "images.npy"), images)
            with open(os.path.join(folder, "options.json"), "w", encoding="utf-8") as file:
                json.dump({"batch_size": batch_size, **options}, file)
            command = [os.environ["STAND_IN_PYTHON"], "-m", "tests.vitis_tools.quantizer", folder]
            environment = dict(os.environ)
            environment.pop("PYTHONPATH", None)
            subprocess.run(command, cwd=os.environ["STAND_IN_ROOT"], env=environment, check=True)
            return build(folder)

    def get_qat_model(
        self,
        init_quant=False,
        calib_dataset=None,
        calib_batch_size=None,
        calib_steps=None,
        configs={},  # noqa: B006
        **kwargs,
    ):
        if self._strategy != "pof2s_tqt" or init_quant is not True or configs:
            raise ValueError("[VAI ERROR] not how this project trains")
        _check_options(kwargs, REWRITES)
        return self._quantize(calib_dataset, calib_batch_size, kwargs)

    @staticmethod
    def get_deploy_model(model, add_shape_info=False, input_shape=None):
        if not model.optimizer:
            raise ValueError("[VAI ERROR] the model was not trained")
        made = tf.keras.models.clone_model(model)
        made.set_weights(model.get_weights())
        return made

    @staticmethod
    def dump_model(
        model, dataset=None, output_dir="./dump_results", dump_float=False, weights_only=False
    ):
        if not isinstance(dataset, np.ndarray) or len(dataset) != 1:
            raise ValueError("[VAI ERROR] golden results are for one image")
        for part in ("dump_results_weights", "dump_results_0"):
            os.makedirs(os.path.join(output_dir, part))
        layers = [item for item in model.layers if item.name.startswith("quant_")]
        outputs = tf.keras.Model(model.inputs, [item.output for item in layers]).predict(
            dataset, steps=1, verbose=0
        )
        for layer, values in zip(layers, outputs):
            alone = isinstance(layer, VitisQuantize)
            positions = {"output_0": layer.pos} if alone else layer.positions
            for name, position in positions.items():
                if name in ("kernel", "depthwise_kernel", "bias"):
                    codes = np.round(getattr(layer.layer, name).numpy() * 2 ** position.numpy())
                    _dump(output_dir, "dump_results_weights", f"{layer.name}_{name}", codes)
                elif name != "pre_activation":
                    codes = values * 2 ** position.numpy()
                    _dump(output_dir, "dump_results_0", layer.name, codes)


def _check_options(given, known):
    for name, value in given.items():
        if name not in known or type(value) is not known[name]:
            raise ValueError(f"[VAI ERROR] Invalid config: {name}={value!r}")


def _dump(folder, part, name, codes):
    path = os.path.join(folder, part, name.replace("/", "_") + ".bin")
    codes.flatten().clip(-128, 127).astype(np.int8).tofile(path)


def build(folder):
    """Build the quantized model from what the quantizer of this project has found."""
    with open(os.path.join(folder, "quantized.json"), encoding="utf-8") as file:
        layers = json.load(file)
    made, inputs = {}, []
    with np.load(os.path.join(folder, "weights.npz")) as weights:
        for entry in layers:
            name, kind, options = entry["name"], entry["class"], entry["options"]
            if kind == "Input":
                inputs.append(tf.keras.Input(shape=tuple(options["shape"]), name=name))
                made[name] = inputs[-1]
            else:
                layer = getattr(tf.keras.layers, kind)(name=name, **options)
                if entry["wrapped"]:
                    layer = QuantizeWrapper(layer, entry["roles"], entry["factor"])
                sources = [made[source] for source in entry["inputs"]]
                made[name] = layer(sources if len(sources) > 1 else sources[0])
                inner = getattr(layer, "layer", layer)
                inner.set_weights([weights[key] for key in entry["weights"]])
            if entry["requantized"] is not None:
                made[name] = VitisQuantize(entry["requantized"], name=f"quant_{name}")(made[name])
    return tf.keras.Model(inputs, made[layers[-1]["name"]], name="quantized")
