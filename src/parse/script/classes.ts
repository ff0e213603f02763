/** What a class of diffusers, transformers, peft or torch is to a training script, by its name. */

const notModels = /(?:Tokenizer(?:Fast)?|Processor|ImageProcessor|FeatureExtractor|Extractor|Config|Dataset|Loader|Output|Converter)$|^(?:EMAModel|Accelerator)$/;

export function isPipelineClass(name: string): boolean {
  return /Pipeline(?:Output)?$/.test(name) || name.startsWith("AutoPipelineFor");
}

export function isSchedulerClass(name: string): boolean {
  return /Scheduler$/.test(name);
}

/** Whether `name.from_pretrained` loads weights that layers are made of. */
export function loadsModel(name: string): boolean {
  return !notModels.test(name) && !isPipelineClass(name) && !isSchedulerClass(name);
}

/** Whether `path(...)` makes a model of a library from settings in the code. */
export function makesModel(path: string): boolean {
  const name = path.slice(path.lastIndexOf(".") + 1);
  return /^(?:diffusers|transformers)\b/.test(path) && loadsModel(name) && /Model$|2D$|3D$|Projection$|^UNet|^Autoencoder|^ControlNet|^Transformer/.test(name);
}

export function isOptimizer(path: string): boolean {
  const name = path.slice(path.lastIndexOf(".") + 1);
  return /^[A-Z]/.test(name) && (/(?:^|\.)optim(?:izers?)?\./.test(path) || /^(?:(?:Paged|Deep|Fused|CPU|Sharded|Distributed)*(?:Adam|Adafactor|SGD|Lion|Prodigy|CAME|Muon|RMSprop|Adagrad|DAdapt|Sophia|DummyOptim)\w*)$/.test(name));
}

/** Functions and classes that give back the model they are given, wrapped or changed. */
export function wrapsModel(name: string): boolean {
  return /^(?:compile|deepcopy|copy|DistributedDataParallel|DDP|DataParallel|FullyShardedDataParallel|FSDP|prepare_model\w*|unwrap_model|_unwrap_model|get_peft_model|extract_model_from_parallel|fully_shard|apply_\w+|to_device)$/.test(name);
}

/** The component's name in a pipeline, where a script loads it without a subfolder. */
export function usualName(className: string): string | undefined {
  const known: readonly [RegExp, string][] = [
    [/ControlNet/, "controlnet"], [/^UNet|Unet/, "unet"], [/^(?:Autoencoder|VQModel)/, "vae"], [/Transformer(?:2D|3D)?(?:Model)?$|^DiT/, "transformer"],
    [/^CLIPVision/, "image_encoder"], [/WithProjection$/, "text_encoder_2"], [/^(?:CLIPText|T5|UMT5|Bert|Gemma|Llama|Qwen)/, "text_encoder"],
  ];
  return known.find(([pattern]) => pattern.test(className))?.[1];
}

/** `text_encoder_one` and the like are what the examples call the pipeline's components. */
export function nameOfVariable(variable: string): string {
  return variable.replace(/_(?:one|1)$/, "").replace(/_two$/, "_2").replace(/_three$/, "_3");
}
