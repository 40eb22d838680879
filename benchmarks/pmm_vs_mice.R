# Completes a table by predictive mean matching with mice, once for every seed; prints the seconds of each completion.
# Arguments: CSV with NA, number of sweeps, number of seeds, folder for the completed tables.
suppressMessages(library(mice))
given <- commandArgs(trailingOnly = TRUE)
data <- read.csv(given[1], stringsAsFactors = TRUE)
chosen <- quickpred(data, mincor = 0.1, minpuc = 0.25)
method <- ifelse(colSums(is.na(data)) > 0, "pmm", "")
for (seed in seq_len(as.integer(given[3]))) {
  seconds <- system.time(
    made <- mice(data, m = 1, maxit = as.integer(given[2]), method = method, predictorMatrix = chosen,
                 donors = 5, seed = seed, printFlag = FALSE)
  )[["elapsed"]]
  write.csv(complete(made, 1), file.path(given[4], paste0(seed, ".csv")), row.names = FALSE)
  cat(seconds, "\n")
}
