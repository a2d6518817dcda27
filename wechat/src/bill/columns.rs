//! The columns that are read from bills, by WeChat's names for them. Layouts differ between merchants and years.

/// Of the trade bill. The number of each is its place in `COLUMNS`.
pub(crate) mod trade {
    use crate::bill::table::{Column, optional, required};

    pub(crate) const AT: usize = 0;
    pub(crate) const APP_ID: usize = 1;
    pub(crate) const MCH_ID: usize = 2;
    pub(crate) const TRANSACTION_ID: usize = 3;
    pub(crate) const OUT_TRADE_NO: usize = 4;
    pub(crate) const OPENID: usize = 5;
    pub(crate) const TRADE_TYPE: usize = 6;
    pub(crate) const STATE: usize = 7;
    pub(crate) const FEE_TYPE: usize = 8;
    pub(crate) const SETTLEMENT: usize = 9;
    pub(crate) const COUPON: usize = 10;
    pub(crate) const REFUND_ID: usize = 11;
    pub(crate) const OUT_REFUND_NO: usize = 12;
    pub(crate) const REFUND: usize = 13;
    pub(crate) const COUPON_REFUND: usize = 14;
    pub(crate) const REFUND_CHANNEL: usize = 15;
    pub(crate) const REFUND_STATUS: usize = 16;
    pub(crate) const REFUND_AT: usize = 17;
    pub(crate) const REFUND_SUCCESS_AT: usize = 18;
    pub(crate) const ATTACH: usize = 19;
    pub(crate) const CHARGE: usize = 20;
    pub(crate) const RATE: usize = 21;
    pub(crate) const TOTAL: usize = 22;
    pub(crate) const REFUND_APPLIED: usize = 23;

    /// How many columns are read.
    pub(crate) const WIDTH: usize = 24;

    pub(crate) static COLUMNS: [Column; WIDTH] = [
        required(&["交易时间"]),
        required(&["公众账号ID"]),
        required(&["商户号"]),
        required(&["微信订单号"]),
        required(&["商户订单号"]),
        required(&["用户标识"]),
        required(&["交易类型"]),
        required(&["交易状态"]),
        required(&["货币种类"]),
        required(&["应结订单金额", "总金额"]),
        optional(&["代金券金额", "代金券或立减优惠金额", "企业红包金额"]),
        optional(&["微信退款单号"]),
        optional(&["商户退款单号"]),
        optional(&["退款金额"]),
        optional(&["充值券退款金额", "代金券或立减优惠退款金额", "企业红包退款金额"]),
        optional(&["退款类型"]),
        optional(&["退款状态"]),
        optional(&["退款申请时间"]),
        optional(&["退款成功时间"]),
        optional(&["商户数据包"]),
        required(&["手续费"]),
        optional(&["费率"]),
        optional(&["订单金额"]),
        optional(&["申请退款金额"]),
    ];

    /// How many sums are compared.
    pub(crate) const SUM_COUNT: usize = 7;

    /// The sums that a summary may have.
    pub(crate) static SUMS: [Column; SUM_COUNT] = [
        required(&["总交易单数"]),
        required(&["应结订单总金额", "总交易额"]),
        optional(&["退款总金额", "总退款金额"]),
        optional(&["充值券退款总金额", "总代金券或立减优惠退款金额", "总企业红包退款金额"]),
        required(&["手续费总金额"]),
        optional(&["订单总金额"]),
        optional(&["申请退款总金额"]),
    ];
}

/// Of the fund-flow bill. The number of each is its place in `COLUMNS`.
pub(crate) mod fund {
    use crate::bill::table::{Column, optional, required};

    pub(crate) const AT: usize = 0;
    pub(crate) const BUSINESS_NO: usize = 1;
    pub(crate) const FLOW_NO: usize = 2;
    pub(crate) const NAME: usize = 3;
    pub(crate) const KIND: usize = 4;
    pub(crate) const DIRECTION: usize = 5;
    pub(crate) const AMOUNT: usize = 6;
    pub(crate) const BALANCE: usize = 7;
    pub(crate) const APPLICANT: usize = 8;
    pub(crate) const NOTE: usize = 9;
    pub(crate) const VOUCHER_NO: usize = 10;

    /// How many columns are read.
    pub(crate) const WIDTH: usize = 11;

    /// Brackets are full-width; half-width ones are taken, too.
    pub(crate) static COLUMNS: [Column; WIDTH] = [
        required(&["记账时间"]),
        required(&["微信支付业务单号"]),
        required(&["资金流水单号"]),
        required(&["业务名称"]),
        required(&["业务类型"]),
        required(&["收支类型"]),
        required(&["收支金额（元）", "收支金额(元)"]),
        required(&["账户结余（元）", "账户结余(元)"]),
        optional(&["资金变更提交申请人"]),
        optional(&["备注"]),
        optional(&["业务凭证号"]),
    ];

    /// How many sums are compared.
    pub(crate) const SUM_COUNT: usize = 5;

    /// The sums that a summary has.
    pub(crate) static SUMS: [Column; SUM_COUNT] = [
        required(&["资金流水总笔数"]),
        required(&["收入笔数"]),
        required(&["收入金额"]),
        required(&["支出笔数"]),
        required(&["支出金额"]),
    ];
}
