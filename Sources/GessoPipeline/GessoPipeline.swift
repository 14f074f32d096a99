// GessoPipeline
