"""The torch modules behind the predictors, by modality and architecture."""
