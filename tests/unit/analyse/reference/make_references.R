# Makes references.json: `Rscript make_references.R > references.json`. Nothing in MyoT2 needs R: the tests read the numbers.
# Made with R 4.2.2, pROC 1.18.0, sandwich 3.0-2, lmtest 0.9-40, exactRankTests 0.8-35 (Debian 12).
#
# Data, all published measurements or made here:
# ovary     DeLong, DeLong and Clarke-Pearson, Biometrics 1988;44:837, as printed in the SAS/STAT User's Guide (LOGISTIC,
#           "Comparing Receiver Operating Characteristic Curves"), whose printed results the tests hold too
# placenta  Hollander and Wolfe, Nonparametric Statistical Methods, 1973, p. 69 (R: example of wilcox.test)
# sleep     Student, Biometrika 1908;6:1
# ozone     New York State Department of Conservation and National Weather Service, May and August 1973 (R: airquality)
# cohort    64 and 10 drawn below, one decimal, tied, shaped like the study's T2, with age, sex and a second marker

suppressMessages({library(pROC); library(sandwich); library(lmtest); library(exactRankTests); library(jsonlite)})

roc_values <- function(x1, x0) {
  curve <- roc(controls = x0, cases = x1, direction = "<", quiet = TRUE)
  list(positives = x1, negatives = x0, auc = as.numeric(auc(curve)), se = sqrt(var(curve, method = "delong")),
       ci = as.numeric(ci.auc(curve, method = "delong"))[c(1, 3)])
}

paired_values <- function(first, second, positive) {
  one <- roc(positive, first, levels = c(0, 1), direction = "<", quiet = TRUE)
  two <- roc(positive, second, levels = c(0, 1), direction = "<", quiet = TRUE)
  test <- roc.test(one, two, method = "delong", paired = TRUE)
  list(first = first, second = second, positive = positive, areas = c(as.numeric(one$auc), as.numeric(two$auc)),
       z = as.numeric(test$statistic), p = test$p.value,
       se = sqrt(var(one) + var(two) - 2 * cov(one, two, method = "delong")))
}

rank_values <- function(x, y, ...) {
  plain <- wilcox.test(x, y, exact = FALSE, correct = FALSE)
  shift <- suppressWarnings(wilcox.test(x, y, conf.int = TRUE, tol.root = 1e-13, ...))
  list(first = x, second = y, u = as.numeric(plain$statistic), p = plain$p.value,
       p_corrected = suppressWarnings(wilcox.test(x, y, exact = FALSE)$p.value),
       p_exact = if (length(c(x, y)) <= 40) wilcox.exact(x, y, exact = TRUE)$p.value else NULL,
       median_difference = median(outer(x, y, "-")), ci = as.numeric(shift$conf.int), method = shift$method)
}

spearman_values <- function(x, y) {
  test <- cor.test(x, y, method = "spearman", exact = FALSE)
  list(first = x, second = y, rs = as.numeric(test$estimate), p = test$p.value)
}

hc3_values <- function(fit) {
  robust <- coeftest(fit, vcov = vcovHC(fit, type = "HC3"))
  ends <- coefci(fit, vcov = vcovHC(fit, type = "HC3"))
  list(coefficient = robust[2, 1], se = robust[2, 2], t = robust[2, 3], p = robust[2, 4], ci = as.numeric(ends[2, ]),
       df = fit$df.residual, ratio = exp(robust[2, 1]), all_se = as.numeric(robust[, 2]))
}

quade_values <- function(y, group, covariates) {
  ranks <- as.data.frame(lapply(covariates, rank))
  left <- residuals(lm(rank(y) ~ ., data = ranks))
  table <- anova(lm(left ~ factor(group)))
  list(f = table[1, 4], df = table[, 1], p = table[1, 5])
}

ovary <- matrix(c(
  3.0, 5.8, 10, 0, 3.2, 6.3, 5, 1, 3.9, 6.8, 3, 1, 2.8, 4.8, 6, 0, 3.2, 5.8, 3, 1, 0.9, 4.0, 5, 0, 2.5, 5.7, 8, 0,
  1.6, 5.6, 5, 1, 3.8, 5.7, 5, 1, 3.7, 6.7, 6, 1, 3.2, 5.4, 4, 1, 3.8, 6.6, 6, 1, 4.1, 6.6, 5, 1, 3.6, 5.7, 5, 1,
  4.3, 7.0, 4, 1, 3.6, 6.7, 4, 0, 2.3, 4.4, 6, 1, 4.2, 7.6, 4, 0, 4.0, 6.6, 6, 0, 3.5, 5.8, 6, 1, 3.8, 6.8, 7, 1,
  3.0, 4.7, 8, 0, 4.5, 7.4, 5, 1, 3.7, 7.4, 5, 1, 3.1, 6.6, 6, 1, 4.1, 8.2, 6, 1, 4.3, 7.0, 5, 1, 4.3, 6.5, 4, 1,
  3.2, 5.1, 5, 1, 2.6, 4.7, 6, 1, 3.3, 6.8, 6, 0, 1.7, 4.0, 7, 0, 3.7, 6.1, 5, 1, 3.3, 6.3, 7, 1, 4.2, 7.7, 6, 1,
  3.5, 6.2, 5, 1, 2.9, 5.7, 9, 0, 2.1, 4.8, 7, 1, 2.8, 6.2, 8, 0, 4.0, 7.0, 7, 1, 3.3, 5.7, 6, 1, 3.7, 6.9, 5, 1,
  3.6, 6.6, 5, 1), ncol = 4, byrow = TRUE)
albumin <- ovary[, 1]; protein <- ovary[, 2]; score <- 10 - ovary[, 3]; benefit <- ovary[, 4]

placenta <- list(x = c(0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46), y = c(1.15, 0.88, 0.90, 0.74, 1.21))

air <- subset(airquality, Month %in% c(5, 8) & !is.na(Ozone))
august <- as.numeric(air$Month == 8)

set.seed(20231, kind = "Mersenne-Twister", normal.kind = "Inversion")
t2 <- round(c(35.6 + exp(rnorm(64, 2.2, 0.75)), rnorm(10, 33.9, 0.9)), 1)
ck <- round(c(exp(rnorm(64, 6.2, 1.2)), exp(rnorm(10, 4.6, 0.4))))
age <- c(sample(19:72, 64, TRUE), sample(25:63, 10, TRUE))
male <- c(rbinom(64, 1, 0.41), c(1, rep(0, 9)))
patient <- rep(c(1, 0), c(64, 10))
t2[65] <- 38.1
t2[66] <- t2[1]

references <- list(
  versions = list(R = "4.2.2", pROC = "1.18.0", sandwich = "3.0-2", lmtest = "0.9-40", exactRankTests = "0.8-35"),
  delong = list(
    albumin = roc_values(albumin[benefit == 1], albumin[benefit == 0]),
    protein = roc_values(protein[benefit == 1], protein[benefit == 0]),
    score = roc_values(score[benefit == 1], score[benefit == 0]),
    ozone = roc_values(air$Ozone[august == 1], air$Ozone[august == 0]),
    cohort = roc_values(t2[patient == 1], t2[patient == 0])),
  paired = list(
    albumin_score = paired_values(albumin, score, benefit),
    protein_score = paired_values(protein, score, benefit),
    cohort = paired_values(t2, ck, patient)),
  ranks = list(
    placenta = rank_values(placenta$x, placenta$y, exact = TRUE),
    placenta_normal = rank_values(placenta$x, placenta$y, exact = FALSE),
    sleep = rank_values(sleep$extra[sleep$group == 2], sleep$extra[sleep$group == 1]),
    ozone = rank_values(air$Ozone[august == 1], air$Ozone[august == 0]),
    cohort = rank_values(t2[patient == 1], t2[patient == 0])),
  spearman = list(
    albumin_score = spearman_values(albumin, score),
    sleep = spearman_values(sleep$extra[sleep$group == 1], sleep$extra[sleep$group == 2]),
    cohort = spearman_values(t2, ck)),
  hc3 = list(
    ozone = c(list(values = air$Ozone, group = august, covariates = list(temperature = air$Temp, wind = air$Wind)),
              hc3_values(lm(log(air$Ozone) ~ august + air$Temp + air$Wind))),
    cohort = c(list(values = t2, group = patient, covariates = list(age = age, male = male)),
               hc3_values(lm(log(t2) ~ patient + age + male)))),
  quade = list(
    ozone = quade_values(air$Ozone, august, data.frame(air$Temp, air$Wind)),
    cohort = quade_values(t2, patient, data.frame(age, male))),
  adjusted_p = list(p = c(0.003, 0.016, NA, 0.006, 0.015, 0.08),
                    holm = p.adjust(c(0.003, 0.016, NA, 0.006, 0.015, 0.08), "holm"),
                    bh = p.adjust(c(0.003, 0.016, NA, 0.006, 0.015, 0.08), "BH")))

# One line per example.
json <- function(x) as.character(toJSON(x, digits = I(17), auto_unbox = TRUE, na = "null", null = "null"))
section <- function(name) {
  entries <- references[[name]]
  paste0("\"", name, "\": {\n", paste0("  \"", names(entries), "\": ", sapply(entries, json), collapse = ",\n"), "\n}")
}
cat("{\n", paste(sapply(names(references), section), collapse = ",\n"), "\n}\n", sep = "")
