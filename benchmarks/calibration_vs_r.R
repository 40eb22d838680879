# Times one bounded logit calibration with survey::calibrate and sampling::gencalib.
# Arguments: CSV with columns x1 to xp (controls of the respondents), file with the totals, design weight, lower and
# upper bound, repetitions, file for the weights of survey::calibrate.
# Prints for each: best seconds, and the largest relative error of the totals (NA if it did not converge).
suppressMessages({library(survey); library(sampling)})
given <- commandArgs(trailingOnly = TRUE)
data <- read.csv(given[1])
totals <- scan(given[2], quiet = TRUE)
d <- as.numeric(given[3]); bounds <- as.numeric(given[4:5]); repetitions <- as.integer(given[6])
x <- as.matrix(data)
design <- svydesign(ids = ~1, weights = rep(d, nrow(x)), data = data)
formula <- as.formula(paste("~", paste(names(data), collapse = " + "), "- 1"))
wanted <- setNames(totals, names(data))

best <- function(solve) {
  seconds <- Inf
  for (i in seq_len(repetitions)) {
    gc(FALSE)
    seconds <- min(seconds, system.time(for (j in 1:10) made <- solve())[["elapsed"]] / 10)
  }
  list(seconds = seconds, weights = made)
}
report <- function(made) {
  error <- if (is.null(made$weights)) NA else max(abs(colSums(x * made$weights) / totals - 1))
  cat(made$seconds, error, "\n")
}

by_survey <- best(function() tryCatch(
  weights(suppressWarnings(calibrate(design, formula, wanted, calfun = "logit", bounds = bounds, epsilon = 1e-9))),
  error = function(e) NULL
))
by_sampling <- best(function() {
  invisible(capture.output(g <- suppressWarnings(gencalib(x, x, rep(d, nrow(x)), totals, method = "logit", bounds = bounds))))
  if (is.null(g)) NULL else d * g
})
report(by_survey)
report(by_sampling)
