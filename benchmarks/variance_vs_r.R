# Times standard errors of totals and of ratios with survey's svytotal and svyratio, one cell after another.
# Arguments: CSV of the sampled units (stratum, population, weight, x1 to xp, then cells y1 to yk, the last of them the
# denominator), 1 if the sample was calibrated to x in each stratum (0 otherwise), file for the results.
# Writes total, its standard error, ratio and its standard error of each cell but the last; prints seconds per cell of
# svytotal and of svyratio.
suppressMessages(library(survey))
given <- commandArgs(trailingOnly = TRUE)
data <- read.csv(given[1])
data$h <- factor(data$stratum)
is_calibrated <- given[2] == "1"
if (is_calibrated) {
  # The weights found elsewhere are met exactly: what is calibrated to is what they give.
  design <- svydesign(ids = ~1, strata = ~h, fpc = ~population, data = data)
  controls <- grep("^x", names(data), value = TRUE)
  model <- as.formula(paste("~", paste0(controls, ":h", collapse = " + "), "- 1"))
  wanted <- colSums(model.matrix(model, data) * data$weight)
  design <- calibrate(design, model, wanted, calfun = "linear", epsilon = 1e-11)
  stopifnot(max(abs(weights(design) / data$weight - 1)) < 1e-9)
} else {
  design <- svydesign(ids = ~1, strata = ~h, fpc = ~population, weights = ~weight, data = data)
}
cells <- grep("^y", names(data), value = TRUE)
below <- as.formula(paste("~", tail(cells, 1)))
results <- NULL
seconds <- c(0, 0)
for (cell in head(cells, -1)) {
  formula <- as.formula(paste("~", cell))
  start <- proc.time()[["elapsed"]]
  total <- svytotal(formula, design)
  middle <- proc.time()[["elapsed"]]
  ratio <- svyratio(formula, below, design)
  seconds <- seconds + c(middle - start, proc.time()[["elapsed"]] - middle)
  results <- rbind(results, c(coef(total), SE(total), coef(ratio), SE(ratio)))
}
write.table(format(results, digits = 17), given[3], row.names = FALSE, col.names = FALSE, quote = FALSE)
cat(seconds / (length(cells) - 1), "\n")
